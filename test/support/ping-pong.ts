/** Threads of one cgroup on two CPUs, which send each other messages: the case of May 2026. */
import type { Cpu } from '../../core/index.ts';

/**
 * Each CPU allocates a message in turn, and frees the one that the other sent before.
 * @returns byte stocks drained per allocation or free
 */
export function pingPong(
  { cpu, other, child, small }: { cpu: Cpu; other: Cpu; child: number; small: number },
  messages: number,
): number {
  let sent = 0;
  for (let message = 0; message < messages; message++) {
    const there = cpu.allocFor(child, small);
    if (sent !== 0) cpu.free(sent);
    sent = other.allocFor(child, small);
    other.free(there);
  }
  cpu.free(sent);
  return (cpu.byteStock().drains + other.byteStock().drains) / (4 * messages);
}
