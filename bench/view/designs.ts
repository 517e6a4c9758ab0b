/** The designs side by side: what the same removal rewrites under each, and what is left behind. */

import type { HandOverCount } from '../picture/recorder.ts';
import { play } from '../picture/scenario.ts';
import type { Act } from '../picture/stage.ts';
import { amount, dyingMemcgs, pinnedKib } from '../picture/words.ts';
import { element } from './dom.ts';

/** A design that can be looked at. */
export interface Design {
  readonly name: string;
  readonly kernel: string;
  readonly idea: string;
}

/** All of them, in the order in which they came up. */
const DESIGNS: readonly Design[] = [
  { name: 'pin', kernel: 'Linux 5.2', idea: 'every page names its cgroup, for good' },
  { name: 'scan-pages', kernel: 'page by page', idea: 'a pass over all pages of the machine' },
  { name: 'list-pages', kernel: 'page by page', idea: 'a list of the pages of each cgroup' },
  {
    name: 'splice-caches',
    kernel: 'Linux 5.3',
    idea: 'a page belongs to its cache; hand that over',
  },
  { name: 'objcg', kernel: 'Linux 5.9', idea: 'each object names an owner; hand that over' },
];

/** What the last removal among some operations came to. */
interface Outcome {
  readonly count: HandOverCount;
  readonly dying: number;
  readonly kib: number;
}

/** Right after the last removal; null if there was none. */
function outcomeOf(strategy: string, acts: readonly Act[]): Outcome | null {
  const removal = acts.findLastIndex((act) => act.do === 'remove');
  if (removal < 0) return null;
  const last = play(strategy, acts.slice(0, removal + 1)).moments.at(-1);
  if (last === undefined) return null;
  const { count, frame } = last;
  return { count, dying: dyingMemcgs(frame).length, kib: pinnedKib(frame) };
}

function marks({ pages, caches, objcgs }: HandOverCount): HTMLElement {
  const many = (count: number, kind: string) =>
    Array.from({ length: count }, () => element('i', { class: kind }));
  return element(
    'span',
    { class: 'm-marks', 'aria-hidden': 'true' },
    ...many(objcgs, 'm-mark-objcg'),
    ...many(caches, 'm-mark-cache'),
    ...many(pages, 'm-mark-page'),
  );
}

function tally({ pages, looks, caches, objcgs }: HandOverCount): string {
  const parts = [
    ...(pages > 0 ? [amount(pages, 'page')] : []),
    ...(caches > 0 ? [amount(caches, 'cache')] : []),
    ...(objcgs > 0 ? [amount(objcgs, 'obj_cgroup')] : []),
  ];
  const scanned = looks > pages ? ` (${looks} rows read)` : '';
  return parts.length === 0 ? 'nothing rewritten' : `${parts.join(' + ')}${scanned}`;
}

function fate(outcome: Outcome): HTMLElement {
  return outcome.dying === 0
    ? element('span', { class: 'm-fate' }, '✓ cgroup freed')
    : element(
        'span',
        { class: 'm-fate m-bad' },
        `✗ ${outcome.dying} dying, ${outcome.kib} KiB kept`,
      );
}

/** The cards of all designs; one can be chosen. */
export function designCards(chosen: string, choose: (name: string) => void) {
  const slots = new Map<string, HTMLElement>();
  const cards = DESIGNS.map(({ name, kernel, idea }) => {
    const input = element('input', {
      ...{ type: 'radio', name: 'm-design', value: name, checked: name === chosen },
    });
    input.addEventListener('change', () => choose(name));
    const slot = element('span', { class: 'm-outcome' });
    slots.set(name, slot);
    return element(
      'label',
      { class: 'm-design' },
      input,
      element('strong', {}, name),
      element('small', {}, kernel),
      element('span', { class: 'm-idea' }, idea),
      slot,
    );
  });
  return {
    element: element(
      'fieldset',
      { class: 'm-designs' },
      element('legend', {}, 'What removing the cgroup rewrites, by design'),
      ...cards,
    ),
    /** Shows what some operations come to under each design. */
    show(acts: readonly Act[]): void {
      for (const [name, slot] of slots) {
        const outcome = outcomeOf(name, acts);
        slot.replaceChildren(
          ...(outcome === null
            ? ['nothing removed yet']
            : [
                marks(outcome.count),
                element('span', { class: 'm-tally' }, tally(outcome.count)),
                fate(outcome),
              ]),
        );
      }
    },
  };
}
