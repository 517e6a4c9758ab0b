/**
 * What the processes of one cgroup do: they come and go, use files, open sockets and pipes. Everything is
 * charged to the cgroup that they run in, through the allocator of the core.
 */
import { type Cpu, type Machine, NO_OBJECT } from '../../core/index.ts';
import { CapacityError } from '../errors.ts';
import { bundleRoots, CACHE_NAMES, PIPE, PROCESS, SOCKET } from './caches.ts';
import type { Files } from './files.ts';
import type { Kind } from './parameters.ts';
import type { Firing } from './tape.ts';

/** One cgroup of a firing, and what is to be released when it ends. */
export interface Workplace {
  readonly kind: Kind;
  readonly firing: Firing;
  readonly memcg: number;
  /** Cgroups that share the work of a pod, and which of them this is. */
  readonly parts: number;
  readonly place: number;
  readonly now: number;
  /** Files to delete and objects to free at exit. */
  readonly files: number[];
  /** Files that go with their directory at exit. */
  readonly layer: number[];
  readonly objects: number[];
  /** Told of a file that stays behind, and of objects that somebody else keeps open. */
  keep(file: number): void;
  handOver(objects: readonly number[]): void;
}

/** Does the work of cgroups. */
export interface Work {
  run(workplace: Workplace): void;
  free(objects: readonly number[]): void;
  /** Objects allocated and freed. */
  operations(): number;
}

/** Binds it. */
export function bindWork(
  machine: Machine,
  cpu: Cpu,
  bound: {
    readonly files: Files;
    readonly roots: Int32Array;
    readonly filePages: number;
    /** Whether objects are charged at all. */
    readonly accounted: boolean;
    popular(random: Firing['random']): number;
  },
): Work {
  const { files, roots, filePages, popular } = bound;
  const { free, runDeferred } = cpu;
  const kmalloc = bound.accounted ? cpu.kmalloc : cpu.alloc;
  const process = bundleRoots(PROCESS, roots);
  const socket = bundleRoots(SOCKET, roots);
  const pipe = bundleRoots(PIPE, roots);
  const KERNFS = roots[CACHE_NAMES.indexOf('kernfs_node_cache')] as number;
  const scratch = new Int32Array(process.length);
  let operations = 0;

  function allocate(root: number): number {
    operations++;
    const handle = kmalloc(root);
    if (handle !== NO_OBJECT) return handle;
    const rows = machine.config.slabRows;
    throw new CapacityError(`slabRows (${rows}) reached; watch fewer days, or fewer cgroups`);
  }

  /** A process comes and goes. */
  function runProcess(): void {
    const objects = process.length;
    for (let at = 0; at < objects; at++) scratch[at] = allocate(process[at] as number);
    for (let at = objects - 1; at >= 0; at--) free(scratch[at] as number);
    operations += objects;
  }

  function open(bundle: Int32Array, into: number[]): void {
    for (const root of bundle) into.push(allocate(root));
  }

  /**
   * Does something a number of times. The first time asks for caches that the cgroup does not have yet;
   * the kworker makes them before the second time.
   */
  function each(count: number, act: () => void): void {
    for (let done = 0; done < count; done++) {
      act();
      if (done === 0) runDeferred();
    }
  }

  return {
    run({ kind, firing, memcg, parts, place, now, ...to }) {
      const share = (count: number) =>
        Math.floor((count * (place + 1)) / parts) - Math.floor((count * place) / parts);
      each(share(firing.processes), runProcess);
      each(share(firing.sockets), () => open(socket, to.objects));
      each(share(firing.pipes), () => open(pipe, to.objects));
      let reads = share(firing.filesRead);
      each(share(firing.filesUsed), () => {
        const file = popular(firing.random);
        if (reads-- > 0) files.read(memcg, file, filePages);
        else files.lookUp(file);
      });
      each(share(firing.missingNames), () => files.missing());
      each(share(firing.temporaryFiles), () => {
        to.files.push(files.create(memcg, kind.pagesPerFile, now));
      });
      each(share(firing.layerFiles), () => {
        to.layer.push(files.create(memcg, kind.pagesPerFile, now));
      });
      each(share(firing.keptFiles), () => to.keep(files.create(memcg, kind.pagesPerFile, now)));
      const logged = share(firing.loggedPages);
      if (logged > 0) files.append(memcg, logged, now);
      const handed: number[] = [];
      each(share(firing.handedOver), () => open(socket, handed));
      if (handed.length > 0) to.handOver(handed);
      each(share(firing.kernfsNodes), () => allocate(KERNFS));
    },
    free(objects) {
      for (const handle of objects) free(handle);
      operations += objects.length;
    },
    operations: () => operations,
  };
}
