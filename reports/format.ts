/**
 * Numbers as a reader wants them: three significant digits and a unit. Every view uses these, so the
 * same figure looks the same in the terminal, in Markdown and in a sentence.
 */
import type { Interval } from './bootstrap.ts';

interface Unit {
  name: string;
  size: number;
}

const significant = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

const NS: Unit = { name: 'ns', size: 1 };
const US: Unit = { name: 'us', size: 1e3 };
const MS: Unit = { name: 'ms', size: 1e6 };
const S: Unit = { name: 's', size: 1e9 };

/** Shown for a figure that is missing or not a number. */
export const MISSING = '-';

function roundSignificant(value: number): number {
  return Number(value.toPrecision(3));
}

/** Microseconds start at 0.1: a table of removals then keeps one unit for all its quick rows. */
function timeUnit(ns: number): Unit {
  const size = Math.abs(roundSignificant(ns));
  if (size >= 1e9) return S;
  if (size >= 1e6) return MS;
  return size >= 100 ? US : NS;
}

function byteUnit(bytes: number): Unit {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let index = 0;
  // 1023.6 KiB rounds to four digits, so the next unit starts where rounding would reach 1024.
  while (index < names.length - 1 && Math.abs(bytes) / 1024 ** index >= 1023.5) index++;
  return { name: names[index] ?? 'B', size: 1024 ** index };
}

function formatIn(value: number, unit: Unit): string {
  return `${formatNumber(value / unit.size)} ${unit.name}`;
}

/** Shows a number with three significant digits: `1.02`, `0.000042`, `24,000`. */
export function formatNumber(value: number): string {
  return Number.isFinite(value) ? significant.format(value) : MISSING;
}

/** Shows a count with thousands separated by commas: `1,234,567`. */
export function formatCount(count: number): string {
  return Number.isFinite(count) ? whole.format(count) : MISSING;
}

/** Shows nanoseconds in the unit that suits them: `45.2 ns`, `0.41 us`, `12 ms`, `1.5 s`. */
export function formatNs(ns: number): string {
  return Number.isFinite(ns) ? formatIn(ns, timeUnit(ns)) : MISSING;
}

/** Shows bytes in powers of 1024: `20 B`, `3.9 GiB`. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return MISSING;
  const unit = byteUnit(bytes);
  const scaled = bytes / unit.size;
  return `${Math.abs(scaled) >= 999.5 ? formatCount(scaled) : formatNumber(scaled)} ${unit.name}`;
}

/** Shows a ratio: `1.3x`, `2,140x`. */
export function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? `${formatNumber(ratio)}x` : MISSING;
}

/** Shows an interval in words with the given format for its ends: `0.9x to 1.1x`. */
export function formatInterval(interval: Interval, format: (value: number) => string): string {
  return `${format(interval[0])} to ${format(interval[1])}`;
}

/**
 * Shows an interval of nanoseconds without its unit, in the unit that `formatNs(like)` uses: short
 * enough to stand below or beside that figure in a table, `9.41-9.9`.
 */
export function formatNsRange(interval: Interval, like: number): string {
  const { size } = timeUnit(like);
  return `${formatNumber(interval[0] / size)}-${formatNumber(interval[1] / size)}`;
}

/** Shows a share of 0 to 1 as a percentage: `78 %`. */
export function formatShare(share: number): string {
  return Number.isFinite(share) ? `${formatNumber(share * 100)} %` : MISSING;
}

/** Shows an exponent with two decimals, never as minus zero: `1.02`. */
export function formatExponent(exponent: number): string {
  return Number.isFinite(exponent) ? exponent.toFixed(2).replace(/^-(0\.00)$/, '$1') : MISSING;
}

/** A number of things: `1 audit`, `1,200 audits`. */
export function formatCounted(value: number, thing: string): string {
  return `${formatCount(value)} ${thing}${value === 1 ? '' : 's'}`;
}

/** Joins words as a sentence does: `a`, `a and b`, `a, b and c`. */
export function formatList(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
