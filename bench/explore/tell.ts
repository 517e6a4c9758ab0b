/** A schedule that broke something, told for a reader: the steps that matter, and the rows at the end. */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { FullConfig } from '../../core/tables.ts';
import type { ExploreStep, ExploreViolation } from '../../reports/results-explore.ts';
import { createDescriber, type Describer, objcgNames } from './describe.ts';
import type { Switch } from './driver.ts';
import type { Ending } from './job.ts';
import type { Broken } from './judge.ts';
import { tellFrames } from './tell-frames.ts';
import type { SeenStep } from './telling.ts';
import type { RowNames, Scenario } from './world.ts';

/** Everything that a told replay gave. */
export interface Told {
  readonly scenario: Scenario;
  readonly config: FullConfig;
  readonly names: RowNames;
  readonly schedule: readonly Switch[];
  readonly preemptions: number;
  readonly broken: readonly Broken[];
  readonly steps: readonly SeenStep[];
  readonly ending: Ending;
}

/** A schedule as text: `12:1,52:0`, or `-` for none. */
export function scheduleText(schedule: readonly Switch[]): string {
  if (schedule.length === 0) return '-';
  return schedule.map(({ decision, thread }) => `${decision}:${thread}`).join(',');
}

/** Told steps around each switch, and before the end. */
const AROUND_SWITCH = 12;
const BEFORE_END = 24;

/** Words of the model's own primitives: what they are for shows elsewhere. */
const PRIMITIVE = /^(processors|rcu|rcuRing|work|workRing|cgroupWork|cgroupWorkRing|pools|zone)\./;
/** Of these, the changes that a reader follows. */
const MILESTONES = /^(grace period|queues) /;
/** Locks of the primitives, and a look at a lock that this CPU holds. */
const NOISE =
  /^(takes|releases|finds|sees) (the RCU lock|the (cache|cgroup) queue's lock|the zone lock)/;
/** Changes that are the story, whoever sees them. */
const STORY =
  /^(memcgs\.(flags|kmemId|usage)|kmemCaches\.(flags|memcg|dying)|cacheArrays\.cache|kmemIds\.owner|objcgs\.(memcg|chargedBytes)|liveObjcgs\.live)$/;
/** The same, told by their words: other counts lie in the same column. */
const STOCK_STORY = /^CPU \d's byte stock/;

function changes({ kind, before, after }: SeenStep): boolean {
  return !['load', 'peek', 'plain read'].includes(kind) && before !== after;
}

function isStory(step: SeenStep, describer: Describer): boolean {
  if (!changes(step)) return false;
  return STORY.test(describer.column(step.word)) || STOCK_STORY.test(describer.step(step));
}

/** Words that more than one thread uses, one of them writing: threads that use each. */
function sharedWords(steps: readonly SeenStep[]): (step: SeenStep) => boolean {
  const users = new Map<number, number>();
  const written = new Map<number, number>();
  for (const step of steps) {
    const bit = 1 << step.thread;
    users.set(step.word, (users.get(step.word) ?? 0) | bit);
    if (changes(step)) written.set(step.word, (written.get(step.word) ?? 0) | bit);
  }
  return ({ word, thread }) => {
    const writers = written.get(word) ?? 0;
    return writers !== 0 && ((users.get(word) ?? 0) & ~(1 << thread)) !== 0;
  };
}

/** The steps that matter to more than one CPU, and those that are the story. */
function mattering(steps: readonly SeenStep[], describer: Describer): SeenStep[] {
  const isShared = sharedWords(steps);
  return steps.filter((step) => {
    if (step.kind === 'fault') return true;
    const column = describer.column(step.word);
    const text = describer.step(step);
    if (NOISE.test(text) || text.endsWith(` held by CPU ${step.thread}`)) return false;
    if (isStory(step, describer)) return true;
    if (PRIMITIVE.test(column) && column !== 'zone.head') {
      return changes(step) && MILESTONES.test(text);
    }
    return isShared(step);
  });
}

/** Of these, those near a change of the thread or near the end, and the story. */
function worthTelling(steps: readonly SeenStep[], describer: Describer): SeenStep[] {
  const kept = new Set<SeenStep>(steps.slice(-BEFORE_END));
  steps.forEach((step, index) => {
    if (isStory(step, describer)) kept.add(step);
    if (index > 0 && steps[index - 1]?.thread === step.thread) return;
    for (const near of steps.slice(Math.max(0, index - AROUND_SWITCH), index + AROUND_SWITCH)) {
      kept.add(near);
    }
  });
  return steps.filter((step) => kept.has(step));
}

/** What happened until something broke: after that, everybody only leaves what he is in. */
function untilFault(steps: readonly SeenStep[]): SeenStep[] {
  const inOrder = [...steps].sort((a, b) => a.sequence - b.sequence);
  const fault = inOrder.findIndex(({ kind }) => kind === 'fault');
  return fault < 0 ? inOrder : inOrder.slice(0, fault + 1);
}

const maps = new Map<string, SourceMap | null>();

function sourceMapOf(file: string): SourceMap | null {
  const known = maps.get(file);
  if (known !== undefined) return known;
  let map: SourceMap | null = null;
  try {
    map = new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(file)}.map`, 'utf8')));
  } catch {
    // A package without maps: lines of the compiled file are better than none.
  }
  maps.set(file, map);
  return map;
}

const FRAME = /\(?(file:\/\/\S*\/(core|bench\/explore)\/(\S+)\.js):(\d+):(\d+)\)?$/;
/** Frames of primitives: who uses them says more. */
const PRIMITIVES =
  /^shared\/(atomics|mutex|spinlock|percpu-ref|list|wait|page-counter|processor|rows|layout|assert)/;
/** The explorer's own. */
const EXPLORER = /^(shared\/atomics|engine|telling|driver|job)/;

/** `memcg/caches.ts:203`: the innermost line of the model that is no primitive. */
function sourceOf(stack: string): string {
  const frames = stack.split('\n').flatMap((line) => {
    const found = FRAME.exec(line.trim());
    return found === null || EXPLORER.test(found[3] ?? '') ? [] : [found];
  });
  const ofModel = frames.filter(([, , tree]) => tree === 'core');
  const frame =
    ofModel.find(([, , , path = '']) => !PRIMITIVES.test(path)) ?? ofModel[0] ?? frames[0];
  if (frame === undefined) return 'the scenario';
  const [, file = '', tree = '', path = '', line = '0', column = '0'] = frame;
  const entry = sourceMapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1);
  const original = entry !== undefined && 'originalLine' in entry ? entry.originalLine + 1 : null;
  const name = tree === 'core' ? path : `explore/${path}`;
  return original === null ? `${name}.js:${line}` : `${name}.ts:${original}`;
}

/** The lines, and the step that each of them tells. */
function tellSteps(told: Told, describer: Describer): { lines: ExploreStep[]; seen: SeenStep[] } {
  const inOrder = untilFault(told.steps);
  const kept = worthTelling(mattering(inOrder, describer), describer);
  const lines: ExploreStep[] = [];
  const seen: SeenStep[] = [];
  const skipped = new Map<number, number>();
  let next = 0;
  for (const step of inOrder) {
    if (step !== kept[next]) {
      skipped.set(step.thread, (skipped.get(step.thread) ?? 0) + 1);
      continue;
    }
    next++;
    const text = describer.step(step);
    const last = lines.at(-1);
    // A loop that looks again and again is told once.
    if (last?.text === text && last.cpu === step.thread) {
      skipped.set(step.thread, (skipped.get(step.thread) ?? 0) + 1);
      continue;
    }
    const before = skipped.get(step.thread) ?? 0;
    skipped.set(step.thread, 0);
    const source = sourceOf(step.stack);
    lines.push({ decision: step.decision, cpu: step.thread, text, source, skipped: before });
    seen.push(step);
  }
  return { lines, seen };
}

function wordOf({ main, strategy }: Ending, word: number): number {
  return (word < main.length ? main[word] : strategy[word - main.length]) ?? 0;
}

/** The rows that the scenario names, as the run left them. */
function tellRows(
  { names, ending }: Told,
  objcgs: readonly string[],
  describer: Describer,
): { name: string; state: string }[] {
  const column = (name: string) => {
    const found = ending.columns.find((one) => one.name === name);
    return (row: number): number => wordOf(ending, (found?.base ?? 0) + row);
  };
  const flags = column('memcgs.flags');
  const usage = column('memcgs.usage');
  const parent = column('memcgs.parent');
  const cacheFlags = column('kmemCaches.flags');
  const owner = column('kmemCaches.memcg');
  const mode = column('kmemCaches.refMode');
  const slabs = column('kmemCaches.nrSlabs');
  const dying = column('kmemCaches.dying');
  const objcgMemcg = column('objcgs.memcg');
  const objcgMode = column('objcgs.refMode');
  const bytes = column('objcgs.chargedBytes');
  return [
    ...Object.entries(names.memcgs).map(([name, row]) => ({
      name,
      state:
        flags(row) === 0
          ? 'freed'
          : `${describer.memcgFlags(flags(row))}; usage ${usage(row)}; parent ${describer.memcg(parent(row))}`,
    })),
    ...Object.entries(names.caches).map(([name, row]) => ({
      name,
      state:
        cacheFlags(row) === 0
          ? 'freed'
          : `${describer.cacheFlags(cacheFlags(row))}; ${dying(row) === 0 ? '' : 'dying; '}memcg ${describer.memcg(owner(row))}; reference ${describer.refMode(mode(row))}; slabs ${slabs(row)}`,
    })),
    ...objcgs.flatMap((name, row) => {
      if (name === 'none') return [];
      const memcg = objcgMemcg(row);
      if (memcg === 0) return [{ name, state: 'freed' }];
      const state = `memcg ${describer.memcg(memcg)}; reference ${describer.refMode(objcgMode(row))}; ${bytes(row)} bytes in no stock`;
      return [{ name, state }];
    }),
  ];
}

/** Where a patched core lies means nothing to a reader. */
function withoutFolders(text: string): string {
  return text
    .replace(/^(CPU \d+): \1:?/, '$1')
    .replace(/\(?file:\/\/\S*\/core\/(\S+?)\.js:(\d+):\d+\)?/g, '$1.js:$2');
}

/** Rows that have a name go by it. */
function withNames(text: string, { memcgs, caches }: RowNames, objcgs: readonly string[]): string {
  const nameOf = (names: Readonly<Record<string, number>>, row: string, whole: string): string => {
    const found = Object.entries(names).find(([, one]) => one === Number(row));
    return found?.[0] ?? whole;
  };
  return text
    .replace(/\bobj_cgroup (\d+)/g, (whole, row) => objcgs[Number(row)] ?? whole)
    .replace(/\bmemcg (\d+)/g, (whole, row) => nameOf(memcgs, row, whole))
    .replace(/\bcache (\d+)/g, (whole, row) => nameOf(caches, row, whole));
}

/** Tells a violation. */
export function tellViolation(told: Told): ExploreViolation {
  const objcgs = objcgNames(told.ending, told.names);
  const describer = createDescriber(told.config, told.ending, told.names, objcgs);
  const [first] = told.broken;
  const fault = told.steps.find(({ kind }) => kind === 'fault');
  const detail =
    fault === undefined
      ? told.broken.map((one) => one.detail).join('; ')
      : `CPU ${fault.thread} ${describer.step(fault)}`;
  const { lines, seen } = tellSteps(told, describer);
  return {
    invariant: first?.invariant ?? 'nothing',
    detail: withNames(withoutFolders(detail), told.names, objcgs),
    schedule: scheduleText(told.schedule),
    preemptions: told.preemptions,
    threads: told.scenario.threads.map(({ title }) => title),
    steps: lines,
    rows: tellRows(told, objcgs, describer),
    frames: tellFrames(told, seen),
  };
}
