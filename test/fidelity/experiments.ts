/** Published numbers that no command compares: worked out anew by the core each time. */
import { readFileSync } from 'node:fs';
import { memcgPercpu } from '../../bench/leak/memory.ts';
import { pingPong } from '../../bench/workload/ping-pong.ts';
import { audit, bindCpu, createMachine, ROOT_MEMCG } from '../../core/index.ts';
import { type GeometryKernel, geometryOfSize } from '../../core/slub/geometry.ts';
import type { Comparison } from '../../reports/fidelity/facts.ts';
import { scenarioOf } from '../leak/small-scenario.ts';

type Row = [name: string, size: number, objects: number, pages: number];
interface Published {
  listings: {
    letter: string;
    title: string;
    pageSize: number;
    cpus: [number, number];
    kernels: GeometryKernel[];
    rows: Row[];
  }[];
  largePages: { title: string; pageSize: number; rows: [...Row, number, number][] };
  worked: { rows: [string, ...number[]][] };
}

const PAGE = 4096;
const SMALL = { size: 64, objectsPerSlab: 64, pagesPerSlab: 1, minPartial: 5, cpuPartialSlabs: 2 };
const LISTED = 'test/geometry/published.test.ts';
const MAY_2026 = 'stress-ng and mq ping-pong reports on an obj_cgroup per node, linux-mm, 2026-05';

function published(): Published {
  const file = new URL('../../../test/fixtures/published-geometry.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Published;
}

function equalRows(
  rows: readonly Row[],
  rules: { kernel: GeometryKernel; cpus: number; pageSize: number },
): number {
  return rows.filter(([, size, objects, pages]) => {
    const { objectsPerSlab, pagesPerSlab } = geometryOfSize(size, rules);
    return objectsPerSlab === objects && pagesPerSlab === pages;
  }).length;
}

function listing(source: string, what: string, rows: number, equal: number): Comparison {
  return {
    ...{ group: 'geometry', source, what, unit: 'rows', published: rows, model: equal },
    ...{ agreement: 'exact', command: LISTED },
  };
}

/** A worked example is equal if objects and pages at 4, 8, 16 and 64 CPUs, waste and both limits are. */
function workedEqual([, ...values]: readonly [string, ...number[]]): boolean {
  const [size = 0, ...rest] = values;
  const old = [4, 8, 16, 64].map((cpus) =>
    geometryOfSize(size, { kernel: '5.3', cpus, pageSize: PAGE }),
  );
  const recent = geometryOfSize(size, { kernel: '6.x', cpus: 8, pageSize: PAGE });
  const [, eight] = old;
  const found = [
    ...old.flatMap(({ objectsPerSlab, pagesPerSlab }) => [objectsPerSlab, pagesPerSlab]),
    (eight?.pagesPerSlab ?? 0) * PAGE - (eight?.objectsPerSlab ?? 0) * size,
    ...[eight?.minPartial, eight?.cpuPartial, recent.cpuPartial, recent.cpuPartialSlabs],
  ];
  return found.length === rest.length && found.every((value, at) => value === rest[at]);
}

function geometryRows(): Comparison[] {
  const { listings, largePages, worked } = published();
  const { pageSize, rows } = largePages;
  const before = rows.map(([name, size, objects, pages]): Row => [name, size, objects, pages]);
  const after = rows.map(([name, size, , , objects, pages]): Row => [name, size, objects, pages]);
  const rao =
    'B. B. Rao, "mm/slub: Let number of online CPUs determine the slub page order", 2020-11-18';
  const at = (listed: readonly Row[], cpus: number): number =>
    equalRows(listed, { kernel: '5.3', cpus, pageSize });
  return [
    ...listings.map((one) => {
      const [low, high] = one.cpus;
      const cpus = low === high ? `${low} CPU` : `${low} to ${high} CPUs`;
      const equal = Array.from({ length: high - low + 1 }, (_, more) => low + more).map((count) =>
        equalRows(one.rows, {
          ...{ kernel: one.kernels[0] ?? '6.x', cpus: count, pageSize: one.pageSize },
        }),
      );
      const what = `listing ${one.letter}: objects and pages per slab, rules of ${one.kernels.join(' and ')}, ${cpus}`;
      return listing(
        one.title.replace(/: only .*$/, ''),
        what,
        one.rows.length,
        Math.min(...equal),
      );
    }),
    listing(rao, '64 KiB pages, 64 CPUs', rows.length, at(before, 64)),
    listing(rao, '64 KiB pages, one CPU counted', rows.length, at(after, 1)),
    listing(
      'worked by hand from mm/slub.c of 5.3 and 6.14',
      'objects and pages at 4, 8, 16 and 64 CPUs, waste, min_partial, cpu_partial of both kernels',
      worked.rows.length,
      worked.rows.filter(workedEqual).length,
    ),
  ];
}

/** A machine whose two CPUs have sent each other messages, one on each node. */
function messaged(strategy: string) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 2000, kmemCaches: 40, rootCaches: 4, memcgs: 10 },
    ...{ kmemIds: 10, lrus: 1, lruItems: 10, chargeBatch: 64 },
  });
  const [cpu, other] = [bindCpu(machine, 0), bindCpu(machine, 1)];
  const top = cpu.createMemcg(ROOT_MEMCG);
  const child = cpu.createMemcg(top);
  const small = cpu.createRootCache(SMALL);
  const perOperation = pingPong({ cpu, other, memcgs: [child], cache: small }, 5000);
  return { machine, cpu, other, child, top, small, perOperation };
}

/** Bytes that a parent's counter has too many for good, when stocks are compared by memcg. */
function residue(): number {
  const { machine, cpu, other, child, top, small } = messaged('objcg-by-memcg');
  other.free(other.allocFor(child, small));
  other.free(cpu.allocFor(child, small));
  cpu.rmdir(child);
  cpu.runDeferred();
  for (const one of [cpu, other]) one.drainStock();
  cpu.runDeferred();
  const [found] = audit(machine, cpu).violations;
  const [, owned = Number.NaN] = /, ([\d.]+) are owned/.exec(found?.detail ?? '') ?? [];
  return ((machine.memcgs.usage[top] ?? Number.NaN) - Number(owned)) * PAGE;
}

function stockRows(): Comparison[] {
  const row = (what: string, strategy: string, drains: number): Comparison => ({
    ...{ group: 'structures', source: MAY_2026, unit: 'per operation', published: drains },
    ...{ what: `drains of byte stocks, threads on two nodes: ${what} (${strategy})` },
    ...{ model: messaged(strategy).perOperation, agreement: 'tested' },
    command: 'test/core/objcg.test.ts',
  });
  return [
    row('an owner per memcg, "about 0"', 'objcg', 0),
    row(
      'one per node; derived: a miss at each consume, a drain at each refill',
      'objcg-per-node',
      1,
    ),
    row('five slots, "about 0"', 'objcg-five-slots', 0),
    row('compared by memcg, "about 0"', 'objcg-by-memcg', 0),
    {
      ...{ group: 'structures', source: 'review of "memcg: cache obj_stock by memcg", 2026-05' },
      what: 'bytes lost for each memcg when stocks are compared by memcg: nodes × (page − 1) at most',
      ...{ unit: 'bytes', published: [1, 2 * (PAGE - 1)], model: residue(), agreement: 'tested' },
      command: 'test/core/objcg.test.ts',
    },
  ];
}

function percpuRows(): Comparison[] {
  const { host } = scenarioOf({
    host: { cpus: 96, nodes: 2, memcgPercpuBytes: 2424, lruvecPercpuBytes: 656 },
  });
  const row = (what: string, kb: number, memcgs: number): Comparison => ({
    ...{ group: 'structures', source: 'W. Long, "percpu_stats_disabled" patch, 2022-04-21' },
    ...{ what, unit: 'kB', published: kb, model: (memcgs * memcgPercpu(host)) / 1024 },
    ...{ agreement: 'exact', command: 'test/leak/memory.test.ts' },
  });
  return [
    row('per-CPU memory of a memcg, 96 CPUs, 2 nodes', 350.25, 1),
    row('the same of 208', 72_852, 208),
  ];
}

/** All of them; a few hundred milliseconds. */
export function experiments(): Comparison[] {
  return [...geometryRows(), ...percpuRows(), ...stockRows()];
}
