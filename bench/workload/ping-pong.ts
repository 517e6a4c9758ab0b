/** Threads on two CPUs that send each other messages, turn by turn: the case of May 2026. */
import type { Cpu } from '../../core/index.ts';

/** The two CPUs, the cgroups whose threads they run in turn, and the cache of the messages. */
export interface PingPong {
  readonly cpu: Cpu;
  readonly other: Cpu;
  readonly memcgs: readonly number[];
  readonly cache: number;
}

/**
 * In each cgroup in turn either CPU allocates a message, and frees the one that the other sent before.
 * One thread drives both CPUs, so that they alternate exactly.
 * @returns byte stocks drained per allocation or free
 */
export function pingPong({ cpu, other, memcgs, cache }: PingPong, messages: number): number {
  const before = cpu.byteStock().drains + other.byteStock().drains;
  const sent = new Int32Array(memcgs.length);
  for (let message = 0; message < messages; message++) {
    for (const [at, memcg] of memcgs.entries()) {
      const there = cpu.allocFor(memcg, cache);
      const answered = sent[at] ?? 0;
      if (answered !== 0) cpu.free(answered);
      sent[at] = other.allocFor(memcg, cache);
      other.free(there);
    }
  }
  for (const last of sent) if (last !== 0) cpu.free(last);
  const drains = cpu.byteStock().drains + other.byteStock().drains - before;
  return drains / (4 * messages * memcgs.length);
}
