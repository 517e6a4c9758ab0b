/**
 * What a replay says over the time of its trace: how many cgroups are dying, how much slab there is, when each
 * cgroup goes. Times are those of the trace, microseconds.
 */
import type { Cpu, Machine } from '../../core/index.ts';
import { ROOT_MEMCG } from '../../core/index.ts';
import { MEMCG_LIVE, MEMCG_RELEASED } from '../../core/memcg/memcgs.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';
import type { Cgroups } from './cgroups.ts';

/**
 * What the kernel takes for grace periods and work queues, us: from rmdir until a cgroup with nothing left
 * is released, and from the last thing that pinned it. Medians of the traces of 6.18 (data/README.md: 50 to
 * 200 ms; a median of 16 ms after the last folio).
 */
export const REMOVAL_US = 50_000;
export const LAST_US = 16_000;
/** Samples of the course: when there are more, every second one goes and the interval doubles. */
const SAMPLES_MAX = 400;
const FIRST_INTERVAL_US = 50_000;
const PAGE = 4096;

/** One moment. */
export interface ReplaySample {
  readonly time: number;
  readonly dying: number;
  readonly slabBytes: number;
}

/** A sample marker of the trace. */
export interface MarkerSample extends ReplaySample {
  readonly sample: number;
  readonly phase: string;
}

/** Follows a machine. */
export class Timeline {
  private readonly machine: Machine;
  private readonly cpu: Cpu;
  private readonly cgroups: Cgroups;
  /** Places of cgroups that are dying on the machine, and the lives of their rows. */
  private dying: { readonly place: number; readonly generation: number }[] = [];
  /** Cgroups that are gone from the machine, but would not be from the kernel yet. */
  private leaving: number[] = [];
  /** When the first of them goes. */
  private nextLeaves = Number.POSITIVE_INFINITY;
  private interval = FIRST_INTERVAL_US;
  private next = Number.NEGATIVE_INFINITY;
  course: ReplaySample[] = [];
  readonly markers: MarkerSample[] = [];

  constructor(machine: Machine, cpu: Cpu, cgroups: Cgroups) {
    this.machine = machine;
    this.cpu = cpu;
    this.cgroups = cgroups;
  }

  /** A cgroup was removed. */
  removed(place: number): void {
    const { memcg } = this.cgroups.all[place] as { memcg: number };
    const generation = this.machine.memcgs.generation[memcg] as number;
    this.dying.push({ place, generation });
  }

  /** Deferred work ran: which cgroups are gone? */
  look(now: number): void {
    if (this.cpu.cgroupStat(ROOT_MEMCG).dyingDescendants < this.dying.length) {
      this.dying = this.dying.filter(({ place, generation }) => {
        if (this.isThere(place, generation)) return true;
        const cgroup = this.cgroups.all[place] as { removed: number; released: number };
        cgroup.released = Math.max(cgroup.removed + REMOVAL_US, now + LAST_US);
        this.leaving.push(place);
        this.nextLeaves = Math.min(this.nextLeaves, cgroup.released);
        return false;
      });
    }
    if (now >= this.nextLeaves) this.letGo(now);
    if (now >= this.next) this.record(now);
  }

  private letGo(now: number): void {
    this.nextLeaves = Number.POSITIVE_INFINITY;
    this.leaving = this.leaving.filter((place) => {
      const { released } = this.cgroups.all[place] as { released: number };
      if (released <= now) return false;
      this.nextLeaves = Math.min(this.nextLeaves, released);
      return true;
    });
  }

  private isThere(place: number, generation: number): boolean {
    const { flags, generation: lives } = this.machine.memcgs;
    const { memcg } = this.cgroups.all[place] as { memcg: number };
    if (lives[memcg] !== generation) return false;
    return ((flags[memcg] as number) & (MEMCG_LIVE | MEMCG_RELEASED)) === MEMCG_LIVE;
  }

  private sample(time: number): ReplaySample {
    const pages = this.machine.cpus.record[CPU_RECORD.nodePages] as number;
    return { time, dying: this.dying.length + this.leaving.length, slabBytes: pages * PAGE };
  }

  private record(now: number): void {
    this.course.push(this.sample(now));
    if (this.course.length > SAMPLES_MAX) {
      this.course = this.course.filter((_, index) => index % 2 === 0);
      this.interval *= 2;
    }
    this.next = now + this.interval;
  }

  /** The trace is at its end: the course has that moment. */
  end(now: number): void {
    if (Number.isNaN(now)) return;
    if (this.course.at(-1)?.time === now) this.course.pop();
    this.course.push(this.sample(now));
  }

  /** A marker of the workload: `probe: sample=53 phase=end+1s gen=49`. */
  marker(text: string, time: number): void {
    const sample = /\bsample=(\d+)/.exec(text)?.[1];
    if (sample === undefined) return;
    const phase = /\bphase=(\S+)/.exec(text)?.[1] ?? '';
    this.markers.push({ sample: Number(sample), phase, ...this.sample(time) });
  }
}
