/**
 * Where CPUs meet between the legs of a storm: a barrier in shared memory with an end. It knows
 * nothing of machines; a CPU that waits here says so to its machine first (`idle`).
 */
import * as atomics from '#atomics';
import { CapacityError } from '../errors.ts';

/** Words of a meeting point, in lines of 16: arrived, generation, called off. */
export const RENDEZVOUS_WORDS = 48;
const ARRIVED = 0;
const GENERATION = 16;
const CALLED_OFF = 32;
/** How often a sleeper looks whether the run was called off, ms. */
const SLICE_MS = 50;

/** The run was called off by somebody else; what this thread did is of no interest. */
class CalledOffError extends Error {}

/** One party's view of a meeting point. */
export interface Rendezvous {
  /** Waits for all parties. @throws CapacityError when they do not come, CalledOffError */
  meet(what: string): void;
  /** Whether the run was called off. */
  calledOff(): boolean;
}

/** Ends every wait, now and later. */
export function callOff(words: Int32Array<SharedArrayBuffer>): void {
  atomics.store(words, CALLED_OFF, 1);
  atomics.add(words, GENERATION, 1);
  atomics.notify(words, GENERATION);
}

/** Binds a party; all of them give the same number. */
export function bindRendezvous(
  words: Int32Array<SharedArrayBuffer>,
  parties: number,
  deadlineMs: number,
): Rendezvous {
  const { add, load, notify, store, wait } = atomics;
  const calledOff = (): boolean => load(words, CALLED_OFF) !== 0;

  function meet(what: string): void {
    const generation = load(words, GENERATION);
    if (add(words, ARRIVED, 1) === parties - 1) {
      store(words, ARRIVED, 0);
      add(words, GENERATION, 1);
      notify(words, GENERATION);
    } else {
      const deadline = performance.now() + deadlineMs;
      while (load(words, GENERATION) === generation && !calledOff()) {
        wait(words, GENERATION, generation, SLICE_MS);
        if (performance.now() < deadline) continue;
        throw new CapacityError(
          `${what}: only some of ${parties} CPUs came within ${deadlineMs} ms`,
        );
      }
    }
    if (calledOff()) throw new CalledOffError(`${what}: called off`);
  }

  return { meet, calledOff };
}
