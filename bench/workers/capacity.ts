/** Worker of `capacity`: one machine with a single cache, filled with objects that nobody remembers. */
import {
  ATOMICS_KIND,
  audit,
  bindCpu,
  type Cpu,
  createMachine,
  type Machine,
  ROOT_MEMCG,
  touchMachine,
} from '../../core/index.ts';
import { type CapacityPlan, capacityConfig } from '../workload/capacity-plan.ts';

/** What a phase found. */
export interface PhaseResult {
  readonly ms: number;
  readonly rssBytes: number;
  readonly slabs: number;
  readonly violations: number;
  readonly details: readonly string[];
  readonly atomics: typeof ATOMICS_KIND;
}

/** Objects per call of the loops, so that V8 optimises them early. */
const CALL = 65_536;

let machine: Machine | undefined;
let cpu: Cpu | undefined;
let memcg = 0;
let cache = 0;

function phase(
  body: () => { slabs?: number; violations?: readonly { invariant: string; detail: string }[] },
): PhaseResult {
  const start = performance.now();
  const { slabs = 0, violations = [] } = body();
  return {
    ms: performance.now() - start,
    rssBytes: process.memoryUsage.rss(),
    slabs,
    violations: violations.length,
    details: violations.slice(0, 3).map(({ invariant, detail }) => `${invariant}: ${detail}`),
    atomics: ATOMICS_KIND,
  };
}

function bound(): { machine: Machine; cpu: Cpu } {
  if (machine === undefined || cpu === undefined) throw new Error('phase before create');
  return { machine, cpu };
}

/** Creates the machine and touches its memory. */
export function create(plan: CapacityPlan): PhaseResult {
  return phase(() => {
    machine = createMachine(capacityConfig(plan));
    touchMachine(machine);
    cpu = bindCpu(machine, 0);
    const { objectsPerSlab } = plan;
    const root = cpu.createRootCache({
      size: 64,
      objectsPerSlab,
      pagesPerSlab: Math.ceil((64 * objectsPerSlab) / 4096),
      minPartial: 5,
      cpuPartialSlabs: 4,
    });
    memcg = cpu.createMemcg(ROOT_MEMCG);
    cache = cpu.createCache(memcg, root);
    return {};
  });
}

function allocMany(from: Cpu, objects: number): void {
  for (let object = 0; object < objects; object++) {
    if (from.alloc(cache) === 0) throw new Error('the machine is out of slab rows');
  }
}

/** Allocates all objects. */
export function fill(plan: CapacityPlan): PhaseResult {
  return phase(() => {
    const { cpu: from } = bound();
    for (let left = plan.objects; left > 0; left -= CALL) allocMany(from, Math.min(CALL, left));
    return {};
  });
}

/** Audits the whole machine and counts its objects. */
export function auditAll(plan: CapacityPlan): PhaseResult {
  return phase(() => {
    const of = bound();
    const report = audit(of.machine, of.cpu);
    const violations = [...report.violations];
    if (report.objects !== plan.objects) {
      const detail = `${report.objects} of ${plan.objects}`;
      violations.push({ invariant: 'objects', detail, history: [] });
    }
    return { slabs: report.slabs, violations };
  });
}

function freeMany(to: Cpu, first: number, objects: number): void {
  for (let object = 0; object < objects; object++) to.free(first + object);
}

/** Frees every object, slab by slab, removes the cgroup, and checks that nothing is left. */
export function teardown(plan: CapacityPlan): PhaseResult {
  return phase(() => {
    const of = bound();
    const { page } = of.machine.slabs;
    let left = plan.objects;
    for (let row = 1; left > 0 && row <= of.machine.config.slabRows; row++) {
      if ((page[row << 2] ?? 0) >>> 11 !== cache) continue;
      const objects = Math.min(plan.objectsPerSlab, left);
      freeMany(of.cpu, row << 6, objects);
      left -= objects;
    }
    of.cpu.rmdir(memcg);
    of.cpu.runDeferred();
    const report = audit(of.machine, of.cpu);
    const violations = [...report.violations];
    if (report.slabs !== 0 || report.dying !== 0 || left !== 0) {
      const detail = `${report.slabs} slabs, ${report.dying} dying cgroups, ${left} objects`;
      violations.push({ invariant: 'left behind', detail, history: [] });
    }
    return { slabs: report.slabs, violations };
  });
}
