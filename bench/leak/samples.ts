/** The moments at which a host is looked at. */
import type { Scenario } from './parameters.ts';

/**
 * When a host is looked at, days: evenly from day 0 on, and at the end. 0.29 days of 100 samples each are 29,
 * whatever their product is in binary.
 */
export function sampleDays({ days, samplesPerDay }: Scenario): number[] {
  const whole = Math.floor(days * samplesPerDay + 1e-9);
  const times = Array.from({ length: whole + 1 }, (_, index) => index / samplesPerDay);
  return days * samplesPerDay - whole > 1e-9 ? [...times, days] : times;
}
