/** What was done on the machine so far, under which design; the page shows it and changes it. */
import { PAGES, type Played, type PlayedMoment, play, scenario } from '../picture/scenario.ts';
import type { Act, Stage } from '../picture/stage.ts';
import type { Sequence } from './player.ts';

/** Operations, and the moments that they went through. */
export interface Story {
  strategy(): string;
  acts(): readonly Act[];
  stage(): Stage;
  moments(): readonly PlayedMoment[];
  parts(): ReturnType<Sequence['parts']>;
  /** The same operations under another design. @returns the moment that corresponds to `at` */
  choose(strategy: string, at: number): number;
  /** Does something after the moment `at`. @returns the moment to show. @throws ModelError, with nothing changed */
  perform(act: Act, at: number): number;
  /** The story of a child of so many pages. @returns the moment before the child is removed */
  tell(pages: number): number;
  /** An empty machine. @returns the moment to show */
  clear(): number;
}

/** The last removal, and its stretches. */
function partsOf(moments: readonly PlayedMoment[], acts: readonly Act[]) {
  const removal = acts.findLastIndex((act) => act.do === 'remove');
  const begins = moments.findIndex(({ act }) => act === removal);
  if (removal < 0 || begins < 0) return [{ from: 0, name: 'set-up', strong: false }];
  const first = moments.findIndex((one, at) => at >= begins && one.handOver);
  const end = moments.findLastIndex((one) => one.handOver) + 1;
  return [
    { from: 0, name: 'set-up', strong: false },
    { from: begins, name: 'rmdir', strong: false },
    { from: first, name: 'hand-over', strong: true },
    ...(end < moments.length ? [{ from: end, name: 'afterwards', strong: false }] : []),
  ];
}

/** Begins the story. */
export function createStory(): Story {
  let strategy = 'splice-caches';
  let acts: readonly Act[] = scenario(PAGES.usual);
  let played: Played = play(strategy, acts);

  const firstOf = (act: number): number => played.moments.findIndex((one) => one.act === act);
  const lastOf = (act: number): number => played.moments.findLastIndex((one) => one.act === act);

  function change(next: readonly Act[], design = strategy): void {
    played = play(design, next);
    acts = next;
    strategy = design;
  }

  return {
    strategy: () => strategy,
    acts: () => acts,
    stage: () => played.stage,
    moments: () => played.moments,
    parts: () => partsOf(played.moments, acts),
    choose(design, at) {
      const { act = -1 } = played.moments[at] ?? {};
      // Designs differ in the steps of an operation, so one begins with its first.
      const whole = at === lastOf(act);
      change(acts, design);
      return whole ? lastOf(act) : firstOf(act);
    },
    perform(act, at) {
      const { act: shown = -1 } = played.moments[at] ?? {};
      change([...acts.slice(0, shown + 1), act]);
      return firstOf(acts.length - 1);
    },
    tell(pages) {
      change(scenario(pages));
      return firstOf(acts.findIndex((act) => act.do === 'remove')) - 1;
    },
    clear() {
      change([{ do: 'create', memcg: 'parent', parent: 'root' }]);
      return lastOf(0);
    },
  };
}
