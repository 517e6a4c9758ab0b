/** The audits of a storm, between two legs and at its end. */
import {
  type AuditReport,
  audit,
  type Cpu,
  type Machine,
  ROOT_MEMCG,
  slabUse,
  type Violation,
} from '../../core/index.ts';

/** One audit. */
export interface StormAuditResult {
  readonly when: string;
  readonly violations: readonly Violation[];
  readonly slabs: number;
  readonly pages: number;
  readonly objects: number;
  readonly dying: number;
  readonly dyingPages: number;
  /** Bytes of the objects in the slab pages. */
  readonly objectBytes: number;
  readonly ns: number;
}

/**
 * Audits a machine on which nobody moves.
 * @param empty whether everything was freed and removed, so that nothing may be left
 */
export function auditNow(
  { machine, cpu }: { readonly machine: Machine; readonly cpu: Cpu },
  when: string,
  empty: boolean,
): StormAuditResult {
  const begin = performance.now();
  const report = audit(machine, cpu);
  const ns = (performance.now() - begin) * 1e6;
  const violations = [...report.violations, ...(empty ? remains(cpu, report) : [])];
  const { slabs, pages, objects, dying, dyingPages } = report;
  const { objectBytes } = slabUse(machine);
  return { when, violations, slabs, pages, objects, dying, dyingPages, objectBytes, ns };
}

/** What must be zero once everything was freed, removed and drained. */
function remains(cpu: Cpu, report: AuditReport): Violation[] {
  const { descendants, dyingDescendants } = cpu.cgroupStat(ROOT_MEMCG);
  const left: Record<string, number> = {
    slabs: report.slabs,
    pages: report.pages,
    objects: report.objects,
    'dying cgroups': dyingDescendants,
    cgroups: descendants,
    'references on the root beside its own': cpu.cssOf(ROOT_MEMCG) - 1,
  };
  return Object.entries(left)
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => ({
      invariant: 'nothing is lost',
      detail: `${count} ${what} left after everything was freed and removed`,
      history: [],
    }));
}
