// hot path
/**
 * Objects on their way from one CPU to another: a ring with one writer and one reader. The harness's
 * own device, not the kernel's: it decides who frees what.
 */
import * as atomics from '#atomics';

/** Places of a ring. */
const PLACES = 1024;
const MASK = PLACES - 1;
const SENT = 0;
const RECEIVED = 16;
const FIRST = 32;
/** Words of a ring. */
export const MAILBOX_WORDS = FIRST + PLACES;

/** Both ends of the ring that begins at word `base`. */
export interface Mailbox {
  /** False when the ring is full. Writer only. */
  send(handle: number): boolean;
  /** The oldest object, 0 when there is none. Reader only. */
  receive(): number;
}

/** Binds a ring. */
export function bindMailbox(words: Int32Array, base: number): Mailbox {
  const { load, peek, store } = atomics;
  const sent = base + SENT;
  const received = base + RECEIVED;
  return {
    send(handle) {
      const at = peek(words, sent);
      if (at - load(words, received) === PLACES) return false;
      words[base + FIRST + (at & MASK)] = handle;
      store(words, sent, at + 1);
      return true;
    },
    receive() {
      const at = peek(words, received);
      // A look without ordering first: the ring is empty most of the time.
      if (peek(words, sent) === at || load(words, sent) === at) return 0;
      const handle = words[base + FIRST + (at & MASK)] as number;
      store(words, received, at + 1);
      return handle;
    },
  };
}
