/**
 * Every invariant of kernel-model (d) that applies to the machine, at a quiescent point: no operation
 * is in flight, though deferred work may be pending. It recomputes from the slab table what the
 * counters and lists claim, and trusts none of them. A broken invariant comes with the last operations
 * on the rows that it is about.
 * Needs two bits per slab row for its marks.
 */
import { auditAccounts } from './audit-accounts.ts';
import { auditFolios } from './audit-folios.ts';
import { auditLrus } from './audit-lrus.ts';
import { auditMemcgs, checkTree } from './audit-memcgs.ts';
import { type About, auditSlabs, type Report } from './audit-slabs.ts';
import { bindCpu, type Cpu } from './cpu.ts';
import type { Machine } from './machine.ts';
import { MEMCG_DYING, MEMCG_LIVE } from './memcg/memcgs.ts';
import { describeEvent, lastEvents, type RecordedEvent } from './shared/event-ring.ts';
import { LINE } from './shared/processor.ts';
import { LOCK } from './tables.ts';

/** A broken invariant: its name in kernel-model (d) or of the table, and where. */
export interface Violation {
  readonly invariant: string;
  readonly detail: string;
  /** The last operations on the rows that it names, oldest first. */
  readonly history: readonly string[];
}

/** What an audit saw. */
export interface AuditReport {
  readonly violations: readonly Violation[];
  /** Slabs, their base pages, and objects handed out (private free ones not counted). */
  readonly slabs: number;
  readonly pages: number;
  readonly objects: number;
  /** Removed memcgs that are not freed yet, and the base pages charged to them. */
  readonly dying: number;
  readonly dyingPages: number;
}

/** More than this many violations are counted, not described. */
const DETAILS_MAX = 100;
/** Operations that a violation is told with. */
const HISTORY_MAX = 8;

/** Audits a machine at a quiescent point. Pass the driving CPU if there is one already. */
export function audit(machine: Machine, cpu: Cpu = bindCpu(machine, 0)): AuditReport {
  const violations: Violation[] = [];
  let suppressed = 0;
  const report: Report = (invariant, detail, about) => {
    if (violations.length >= DETAILS_MAX) suppressed++;
    else violations.push({ invariant, detail, history: historyOf(machine, about) });
  };
  // Everything below climbs to the root; without a tree it would not come to an end.
  if (!checkTree(machine, report)) {
    return { violations, slabs: 0, pages: 0, objects: 0, dying: 0, dyingPages: 0 };
  }
  checkLocks(machine, report);
  checkQueues(machine, cpu, report);
  const totals = auditSlabs(machine, report);
  auditMemcgs(machine, cpu, report);
  auditAccounts(machine, cpu, totals.pages, report);
  auditLrus(machine, cpu, report);
  auditFolios(machine, report);
  cpu.strategy.audit(report);
  if (suppressed > 0) {
    violations.push({
      invariant: 'more',
      detail: `${suppressed} further violations`,
      history: [],
    });
  }
  return { violations, ...totals, ...countDying(machine) };
}

/** What the topmost dying memcg of a branch is charged for includes those below it. */
function countDying(machine: Machine): Pick<AuditReport, 'dying' | 'dyingPages'> {
  const { flags, parent, usage } = machine.memcgs;
  const isDying = (memcg: number): boolean =>
    (flags[memcg] & MEMCG_LIVE) !== 0 && (flags[memcg] & MEMCG_DYING) !== 0;
  let dying = 0;
  let dyingPages = 0;
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (!isDying(memcg)) continue;
    dying++;
    if (!isDying(parent[memcg])) dyingPages += usage[memcg];
  }
  return { dying, dyingPages };
}

function concerns(event: RecordedEvent, about: About): boolean {
  const { name, row, argument } = event;
  if (name.startsWith('slab')) return row === about.slab || argument === about.cache;
  if (name.startsWith('cache') || name === 'cpu slab flushed') {
    return row === about.cache || argument === about.memcg;
  }
  if (name.startsWith('root cache')) return row === about.cache;
  return row === about.memcg || (name.startsWith('memcg') && argument === about.memcg);
}

/** What waits to be run fits into its ring. */
function checkQueues(machine: Machine, cpu: Cpu, report: Report): void {
  const queues = [
    ['RCU callbacks', cpu.rcu.pending(), machine.rcuRing.kind.length],
    ['work items', cpu.work.pending(), machine.workRing.kind.length],
    ['cgroup work items', cpu.cgroupWork.pending(), machine.cgroupWorkRing.kind.length],
  ] as const;
  for (const [what, pending, places] of queues) {
    if (pending < 0 || pending > places) {
      report('deferred', `${pending} ${what} pending, in a ring of ${places} places`);
    }
  }
}

function historyOf(machine: Machine, about: About | undefined): string[] {
  if (about === undefined) return [];
  const events = lastEvents(machine.events, HISTORY_MAX, (event) => concerns(event, about));
  return events.map(describeEvent);
}

/** Nobody is inside anything: locks are free, interrupts on, read sections closed. */
function checkLocks(machine: Machine, report: Report): void {
  for (const [name, row] of Object.entries(LOCK)) {
    if (name === 'rows') continue;
    const holder = machine.locks.word[row * LINE];
    if (holder !== 0) report('locks', `${name} is held by CPU ${holder - 1}`);
  }
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    const [irqOff, reading] = machine.processors.own.subarray(cpu * LINE, cpu * LINE + 2);
    if (irqOff !== 0 || reading !== 0) {
      report('locks', `CPU ${cpu}: interrupts off ${irqOff} deep, read sections ${reading} deep`);
    }
  }
}
