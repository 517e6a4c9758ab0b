/** Collects what a thread does, step by step, for a schedule that is told. */
import { type Control, CTL } from './control.ts';

/** One step, in full. */
export interface SeenStep {
  /** Order over all threads. */
  readonly sequence: number;
  /** The decision at which the thread arrived there; it may have let others go on before it took the step. */
  readonly decision: number;
  readonly thread: number;
  /** What was done: a kind of shared step, `plain read`, `plain write` or `fault`. */
  readonly kind: string;
  readonly word: number;
  readonly before: number;
  readonly after: number;
  readonly stack: string;
}

/** Collects, or does nothing while it is off. */
export interface Telling {
  on(): void;
  /** A thread is about to take a shared step. */
  arrive(kind: string, decision: number): void;
  /** A word was read (before = after) or written. */
  access(word: number, before: number, after: number, written: boolean): void;
  /** What a thread was about to do broke something. */
  fault(word: number, before: number, after: number): void;
  steps(): readonly SeenStep[];
}

/** Steps that are kept: a schedule that does not end makes more. */
const STEPS_KEPT = 60_000;

/** Makes the collector of a thread. */
export function createTelling(control: Control, thread: number): Telling {
  let telling = false;
  const steps: SeenStep[] = [];
  let pending: { kind: string; stack: string; decision: number } | null = null;

  function push(kind: string, word: number, before: number, after: number): void {
    const ctl = control.words;
    const sequence = (ctl[CTL.sequence] ?? 0) + 1;
    ctl[CTL.sequence] = sequence;
    if (steps.length >= STEPS_KEPT) return;
    const stack = pending?.stack ?? new Error('here').stack ?? '';
    const decision = pending?.decision ?? ctl[CTL.steps] ?? 0;
    steps.push({ sequence, decision, thread, kind, word, before, after, stack });
    pending = null;
  }

  return {
    on() {
      telling = true;
    },
    arrive(kind, decision) {
      if (telling) pending = { kind, decision, stack: new Error('here').stack ?? '' };
    },
    access(word, before, after, written) {
      if (!telling) return;
      const kind = pending?.kind;
      // A step that changes its word reads it first, and is told with its write.
      if (kind !== undefined && !written && kind !== 'load' && kind !== 'peek') return;
      push(kind ?? (written ? 'plain write' : 'plain read'), word, before, after);
    },
    fault(word, before, after) {
      if (!telling) return;
      if (pending !== null) pending.kind = 'fault';
      push('fault', word, before, after);
    },
    steps: () => steps,
  };
}

/** Where a thread waits, when it waits for ever: the innermost line of the core that is no primitive of it. */
export function positionText(thread: number): string {
  const frames = (new Error('here').stack ?? '').split('\n').slice(1);
  const frame = frames.find((line) => !/engine|telling|atomics-explore|wait\.[jt]s/.test(line));
  return `CPU ${thread} waits ${(frame ?? '').trim()}\n`;
}
