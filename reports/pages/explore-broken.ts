/** Sections that tell how an invariant broke: the schedule, step by step, and what it left behind. */
import { sentence, switchesIn, switchWords } from '../explore-words.ts';
import { formatCounted } from '../format.ts';
import type { ExploreRecord } from '../record.ts';
import type { ExploreResults, ExploreStep, ExploreViolation } from '../results-explore.ts';
import type { Note, Section, Trace, TraceLine } from './page.ts';

/** Violations of scenarios that are told step by step; the others get a line each. */
const TOLD_MAX = 3;
/** A schedule by chance may have hundreds of switches. */
const SCHEDULE_MAX = 60;
const SKIPPED_WORDS =
  'Steps that no other CPU notices, or that are far from any switch, are only counted (…).';

/** Before decision `decision`, CPU `cpu` goes on. */
interface Switch {
  decision: number;
  cpu: number;
  text: string;
}

function switchesOf(schedule: string): Switch[] {
  return schedule.split(',').flatMap((text) => {
    const [, decision, cpu] = /^(\d+):(\d+)$/.exec(text) ?? [];
    if (decision === undefined || cpu === undefined) return [];
    return [{ decision: Number(decision), cpu: Number(cpu), text }];
  });
}

/**
 * The step before which a switch was made, as an index. A CPU that was made to wait carries out its step
 * after it goes on, so that step has the number of the decision at which it was stopped: a smaller one
 * than that of the switch that lets it go on.
 */
function stepAfter(steps: readonly ExploreStep[], all: readonly Switch[], one: Switch): number {
  const next = steps.findIndex(({ decision }) => decision >= one.decision);
  const index = next === -1 ? steps.length : next;
  const before = steps[index - 1];
  const wasStopped =
    before?.cpu === one.cpu &&
    all.some(
      ({ decision, cpu }) =>
        decision === before.decision && decision < one.decision && cpu !== before.cpu,
    );
  return wasStopped ? index - 1 : index;
}

function linesOf({ steps, schedule }: ExploreViolation): TraceLine[] {
  const switches = switchesOf(schedule);
  const marks = new Map<number, string[]>();
  for (const one of switches) {
    const index = stepAfter(steps, switches, one);
    marks.set(index, [...(marks.get(index) ?? []), `${one.text} CPU ${one.cpu} goes on`]);
  }
  return steps.map(({ cpu, text, source, skipped }, index) => {
    const mark = marks.get(index)?.join(', ');
    return { cpu, text, source, skipped, ...(mark === undefined ? {} : { mark }) };
  });
}

/** What the CPUs did in a schedule that broke something. */
export function traceOf(violation: ExploreViolation): Trace {
  return { cpus: violation.threads, lines: linesOf(violation), ends: violation.rows };
}

function scheduleWords({ schedule, preemptions }: ExploreViolation): string {
  const forced = switchesIn(schedule);
  if (forced === 0) return 'nobody made to switch';
  const count = `${switchWords(forced)}, ${formatCounted(preemptions, 'preemption')}`;
  return schedule.length <= SCHEDULE_MAX
    ? `schedule ${schedule} (${count})`
    : `a schedule of ${count}`;
}

/** A word of a command line: names come from a file, and somebody will paste this into a shell. */
export function shellWord(text: string): string {
  if (/^[\w:.,+@%/-]+$/.test(text)) return text;
  return /^[\w:.,+@%/ -]+$/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The options that show it again. */
function againWords(name: string, strategy: string, schedule: string): string {
  return `--scenario ${shellWord(name)} --strategies ${shellWord(strategy)} --schedule ${shellWord(schedule)}`;
}

function toldSection(what: string, violation: ExploreViolation, again: string): Section {
  return {
    title: `Broken: ${violation.invariant}`,
    how: `${what}, ${scheduleWords(violation)}: ${sentence(violation.detail)}`,
    trace: traceOf(violation),
    notes: [{ text: `To see it again: slabsplice explore ${again}`, tone: 'quiet' }],
  };
}

/** Explains, where it is seen first, what stands for steps that are left out. */
function explained(sections: readonly Section[]): Section[] {
  const first = sections.findIndex(({ trace }) => trace?.lines.some(({ skipped }) => skipped > 0));
  return sections.map((section, at) =>
    at === first ? { ...section, how: `${section.how} ${SKIPPED_WORDS}` } : section,
  );
}

interface BrokenScenario {
  name: string;
  strategy: string;
  violation: ExploreViolation;
}

function brokenScenarios({ scenarios }: ExploreResults): BrokenScenario[] {
  return scenarios.flatMap(({ name, strategy, violations }) =>
    violations.map((violation) => ({ name, strategy, violation })),
  );
}

function moreSection(others: readonly BrokenScenario[]): Section[] {
  if (others.length === 0) return [];
  return [
    {
      title: 'Broken as well',
      how: 'the options of explore that tell each of them step by step.',
      notes: others.map(
        ({ name, strategy, violation: { invariant, schedule } }): Note => ({
          text: `${invariant}: ${againWords(name, strategy, schedule)}`,
          tone: 'bad',
        }),
      ),
    },
  ];
}

/** The violation of the only mutant or finding of a record: whoever asks for one wants to see it. */
function onlyOne({ mutants, findings }: ExploreResults): Section[] {
  const [mutant] = mutants;
  const [finding] = findings;
  const told: Section[] = [];
  if (mutants.length === 1 && mutant !== undefined && mutant.violation !== null) {
    const { id, scenario, strategy, violation } = mutant;
    const again = `--mutant ${shellWord(id)} ${againWords(scenario, strategy, violation.schedule)}`;
    const what = `with ${id} put back, in ${scenario} under ${strategy}`;
    told.push(toldSection(what, violation, again));
  }
  if (findings.length === 1 && finding !== undefined && finding.violation !== null) {
    const { id, scenario, strategy, violation } = finding;
    const where = scenario === id ? id : `${id} in ${scenario}`;
    const again = `--finding ${shellWord(id)} --schedule ${shellWord(violation.schedule)}`;
    told.push(toldSection(`${where} under ${strategy}`, violation, again));
  }
  return told;
}

/** Sections of what broke: the first few step by step, the others as the way to see them. */
export function brokenSections({ results }: ExploreRecord): Section[] {
  const broken = brokenScenarios(results);
  const told = broken.slice(0, TOLD_MAX).map(({ name, strategy, violation }) => {
    const again = againWords(name, strategy, violation.schedule);
    return toldSection(`in ${name} under ${strategy}`, violation, again);
  });
  return [...explained([...onlyOne(results), ...told]), ...moreSection(broken.slice(TOLD_MAX))];
}
