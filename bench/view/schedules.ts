/** Schedules that `explore` found, from the records in the page, played step by step. */
import type {
  ExploreResults,
  ExploreStep,
  ExploreViolation,
} from '../../reports/results-explore.ts';
import type { Frame, Frames, Touch } from '../../reports/results-frames.ts';
import { applyChange } from '../picture/changes.ts';
import { amount } from '../picture/words.ts';
import { element } from './dom.ts';
import { drawScene } from './figure.ts';
import { createPlayer } from './player.ts';
import { backgroundOf } from './scenes.ts';

/** A violation that can be played, and what it is called. */
interface Found {
  readonly title: string;
  readonly design: string;
  readonly violation: ExploreViolation;
  readonly frames: Frames;
}

function foundIn(results: Partial<ExploreResults>): Found[] {
  const found: Found[] = [];
  const add = (title: string, design: string, violation: ExploreViolation | null): void => {
    const frames = violation?.frames;
    // Without a step there is nothing to play.
    if (violation === null || frames === undefined || violation.steps.length === 0) return;
    found.push({ title, design, violation, frames });
  };
  for (const { name, strategy, violations = [] } of results.scenarios ?? []) {
    for (const violation of violations) add(name, strategy, violation);
  }
  for (const { id, title, strategy, violation } of results.mutants ?? []) {
    add(`${id}, put back: ${title}`, strategy, violation);
  }
  for (const { id, statement, strategy, violation } of results.findings ?? []) {
    add(`${id}: ${statement}`, strategy, violation);
  }
  return found;
}

/** Records of `explore` that the page carries. */
function explored(): Partial<ExploreResults>[] {
  const blocks = document.querySelectorAll('script[type="application/json"]');
  return [...blocks].flatMap((block) => {
    const record: { command?: string; results?: Partial<ExploreResults> } = JSON.parse(
      block.textContent ?? '{}',
    );
    return record.command === 'explore' ? [record.results ?? {}] : [];
  });
}

/** A moment of a schedule. */
interface Moment {
  readonly frame: Frame;
  readonly touched: readonly Touch[];
}

function momentsOf({ violation, frames }: Found): Moment[] {
  const moments: Moment[] = [{ frame: frames.first, touched: [] }];
  const byStep = new Map(frames.moments.map((moment) => [moment.step, moment]));
  let frame = frames.first;
  violation.steps.forEach((_, step) => {
    const { change, touched } = byStep.get(step) ?? {};
    if (change !== undefined) frame = applyChange(frame, change);
    moments.push({ frame, touched: touched === undefined ? [] : [touched] });
  });
  return moments;
}

function stepRow({ cpu, text, source, skipped }: ExploreStep, cpus: number): HTMLElement {
  const left =
    skipped === 0 ? null : element('small', {}, `${amount(skipped, 'step')} before it left out`);
  const cells = Array.from({ length: cpus }, (_, one) =>
    one === cpu ? element('td', {}, text, left) : element('td'),
  );
  return element('tr', {}, ...cells, element('td', { class: 'm-source' }, source));
}

function stepTable({ threads, steps }: ExploreViolation) {
  const rows = steps.map((step) => stepRow(step, threads.length));
  const head = threads.map((title, cpu) =>
    element('th', { scope: 'col' }, `CPU ${cpu}`, element('small', {}, ` ${title}`)),
  );
  const around = element(
    'div',
    { class: 'm-steps', tabindex: '0', role: 'region', 'aria-label': 'steps of the schedule' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...head, element('th', { scope: 'col' }, 'in core/'))),
      element('tbody', {}, ...rows),
    ),
  );
  return {
    element: around,
    /** Marks a step, -1 for none, and brings it into view without moving the page. */
    mark(index: number): void {
      rows.forEach((row, at) => {
        if (at === index) row.setAttribute('aria-current', 'step');
        else row.removeAttribute('aria-current');
      });
      const row = rows[index];
      around.scrollTop = row === undefined ? 0 : row.offsetTop - around.clientHeight / 2;
    },
    go(act: (step: number) => void): void {
      rows.forEach((row, at) => {
        row.addEventListener('click', () => act(at));
      });
    },
  };
}

const STEP_MS = 1400;

const NONE =
  'Of explore there is no schedule to play: nothing broke, or an older version wrote the record, without pictures.';

/** Puts a player of the page's schedules into an element, if there are any. */
export function mountSchedules(root: HTMLElement): void {
  const records = explored();
  const all = records.flatMap(foundIn);
  const [first] = all;
  if (first === undefined) {
    if (records.length > 0) root.replaceChildren(element('p', { class: 'm-note' }, NONE));
    return;
  }
  const player = createPlayer('the schedule');
  const caption = element('p', { class: 'm-caption', 'aria-live': 'polite' });
  const about = element('p', { class: 'm-note' });
  const table = element('div');
  const figure = element('div', { class: 'm-figure', tabindex: '0', role: 'img' });
  const choice = element(
    'select',
    { 'aria-label': 'schedule to play' },
    ...all.map(({ title, design }, index) =>
      element('option', { value: String(index) }, `${title} (${design})`),
    ),
  );

  function load(found: Found): void {
    const { violation } = found;
    const moments = momentsOf(found);
    const steps = stepTable(violation);
    about.textContent = `What broke: ${violation.detail} (${violation.invariant}), after ${amount(violation.preemptions, 'preemption')}. Schedule ${violation.schedule}.`;
    table.replaceChildren(steps.element);
    figure.style.minHeight = '';
    const describe = (index: number): string => {
      const step = violation.steps[index - 1];
      return step === undefined ? 'Before the first step.' : `CPU ${step.cpu}: ${step.text}`;
    };
    const sequence = {
      length: moments.length,
      show(index: number, moving: boolean): void {
        const moment = moments[index];
        if (moment === undefined) return;
        steps.mark(index - 1);
        caption.textContent = describe(index);
        figure.setAttribute('aria-label', `The machine. ${describe(index)}`);
        const frames = moments.slice(0, index + 1).map(({ frame }) => frame);
        const scene = { ...moment, ...backgroundOf(frames), shared: new Set<string>() };
        drawScene(figure, { ...scene, memmap: false, pick: null }, moving);
      },
      playing: (on: boolean) => caption.setAttribute('aria-live', on ? 'off' : 'polite'),
      stay: () => STEP_MS,
      describe,
      parts: () => [],
    };
    steps.go((step) => player.load(sequence, step + 1));
    player.load(sequence, 0);
  }

  choice.addEventListener('change', () => {
    const found = all[Number(choice.value)];
    if (found !== undefined) load(found);
  });
  root.replaceChildren(
    element('h3', {}, 'A schedule found by explore'),
    element(
      'p',
      { class: 'm-lead' },
      'explore stops each CPU before every step on shared memory and decides who goes on. In such an order something broke. A column a CPU, a line a step; the picture is the machine after the marked step.',
    ),
    element('div', { class: 'm-do' }, choice),
    about,
    element(
      'div',
      {},
      player.element,
      caption,
      element('div', { class: 'm-beside' }, table, figure),
    ),
  );
  player.listen(root);
  load(first);
}
