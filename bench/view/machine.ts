/** The machine that one plays with: designs to compare, a story to step through, and a form. */
import { PAGES, type Played, play, scenario } from '../picture/scenario.ts';
import type { Act } from '../picture/stage.ts';
import { amount, dyingMemcgs, pinnedKib } from '../picture/words.ts';
import { designCards } from './designs.ts';
import { element } from './dom.ts';
import { drawScene } from './figure.ts';
import { glossary, legend, word } from './glossary.ts';
import { handsOn } from './hands-on.ts';
import { createPlayer, type Sequence } from './player.ts';
import { backgroundOf } from './scenes.ts';

/** Time for a sentence, and for all of a hand-over's pages together. */
const SENTENCE_MS = 2600;
const HAND_OVER_MS = 7000;
const LEAST_MS = 130;

function lead(): HTMLElement {
  return element(
    'p',
    { class: 'm-lead' },
    'A ',
    word('memcg', 'cgroup'),
    ' is removed, but objects that its tasks allocated are still cached. Each lies in a ',
    word('slab page'),
    ' that was ',
    word('charge', 'charged'),
    ' to it. Who owns those pages now? Choose a design, then step through the removal. This is the model itself, on a machine small enough to draw: slabs of four objects (a real dentry slab has 21).',
  );
}

/** Numbers beside the picture. */
function counters() {
  const slot = () => element('dd');
  const [rewritten, dying, kept] = [slot(), slot(), slot()];
  const entry = (term: Node, value: HTMLElement) =>
    element('div', {}, element('dt', {}, term), value);
  const label = element('span', {}, 'given a new owner by the hand-over');
  return {
    element: element(
      'dl',
      { class: 'm-counters' },
      entry(label, rewritten),
      entry(element('span', {}, word('dying'), ' cgroups'), dying),
      entry(element('span', {}, 'slab memory they keep'), kept),
    ),
    show({ count, frame }: Played['moments'][number]): void {
      const { pages, caches, objcgs } = count;
      const counted = [
        amount(pages, 'page'),
        amount(caches, 'cache'),
        amount(objcgs, 'obj_cgroup'),
      ];
      rewritten.textContent = counted.join(', ');
      dying.textContent = String(dyingMemcgs(frame).length);
      kept.textContent = `${pinnedKib(frame)} KiB`;
    },
  };
}

/** Stretches of a story, for the bar above the slider. */
function partsOf({ moments }: Played, acts: readonly Act[]): ReturnType<Sequence['parts']> {
  const removal = acts.findLastIndex((act) => act.do === 'remove');
  const begins = moments.findIndex(({ act }) => act === removal && removal >= 0);
  if (begins < 0) return [{ from: 0, name: 'set-up', strong: false }];
  const first = moments.findIndex((one, at) => at >= begins && one.handOver);
  const last = moments.findLastIndex((one) => one.handOver) + 1;
  return [
    { from: 0, name: 'set-up', strong: false },
    { from: begins, name: 'rmdir', strong: false },
    { from: first, name: 'hand-over', strong: true },
    ...(last < moments.length ? [{ from: last, name: 'afterwards', strong: false }] : []),
  ];
}

/** Puts the machine into an element. */
export function mountMachine(root: HTMLElement): void {
  let strategy = 'splice-caches';
  let pages: number = PAGES.usual;
  let acts: readonly Act[] = scenario(pages);
  let played = play(strategy, acts);

  const player = createPlayer('the story');
  const caption = element('p', { class: 'm-caption', 'aria-live': 'polite' });
  const figure = element('div', {
    ...{ class: 'm-figure', tabindex: '0', role: 'img' },
  });
  const numbers = counters();
  const cards = designCards(strategy, (name) => {
    // The same place in the story: designs differ in the steps of an operation.
    const { act = 0 } = played.moments[player.at()] ?? {};
    const inside = played.moments.filter((one) => one.act === act).length > 1;
    strategy = name;
    replay(act, inside ? 'first' : 'last');
  });
  const size = element('input', {
    ...{ type: 'range', min: String(PAGES.least), max: String(PAGES.most) },
    ...{ step: String(PAGES.step), value: String(pages), id: 'm-size' },
  });
  const sizeShown = element('output', { for: 'm-size' }, `${pages} pages`);
  size.addEventListener('input', () => {
    pages = Number(size.value);
    sizeShown.textContent = `${pages} pages`;
    restart(true);
  });

  const form = handsOn({ stage: () => played.stage, perform, restart });

  function show(index: number, moving: boolean): void {
    const moment = played.moments[index];
    if (moment === undefined) return;
    const background = backgroundOf(played.moments.slice(0, index + 1).map(({ frame }) => frame));
    const isLast = index === played.moments.length - 1;
    caption.textContent = moment.caption;
    numbers.show(moment);
    figure.setAttribute('aria-label', describe(index));
    drawScene(
      figure,
      {
        ...{ frame: moment.frame, touched: moment.touched, ...background },
        ...{
          shared: new Set(moment.shared),
          memmap: strategy === 'scan-pages',
          pick: isLast ? pick : null,
        },
      },
      moving,
    );
  }

  function describe(index: number): string {
    const moment = played.moments[index];
    if (moment === undefined) return '';
    const owners = moment.frame.memcgs
      .filter(({ row }) => row !== 1)
      .map(({ name, state, pages: charged }) => `${name}: ${state}, ${charged} pages charged`);
    return `The machine. ${owners.join('; ')}. ${moment.caption}`;
  }

  function pick(row: number, place: number): void {
    const found = played.stage.objects().find((one) => one.row === row && one.place === place);
    if (found !== undefined) perform({ do: 'free', objects: [found.serial] });
  }

  function sequence(): Sequence {
    const { moments } = played;
    const handing = moments.filter(({ handOver }) => handOver).length;
    return {
      length: moments.length,
      ...{ show, parts: () => partsOf(played, acts) },
      describe: (index) => moments[index]?.caption ?? '',
      stay: (index) =>
        moments[index + 1]?.handOver === true && moments[index]?.handOver === true
          ? Math.max(LEAST_MS, Math.min(SENTENCE_MS, HAND_OVER_MS / handing))
          : SENTENCE_MS,
    };
  }

  function replay(act: number, where: 'first' | 'last'): void {
    played = play(strategy, acts);
    const { moments } = played;
    const at =
      where === 'first'
        ? moments.findIndex((one) => one.act === act)
        : moments.findLastIndex((one) => one.act === act);
    cards.show(acts);
    figure.style.minHeight = '';
    player.load(sequence(), at);
    form.refresh();
  }

  function perform(act: Act): void {
    const { act: shown = -1 } = played.moments[player.at()] ?? {};
    const before = acts;
    acts = [...acts.slice(0, shown + 1), act];
    try {
      replay(acts.length - 1, 'first');
    } catch (error) {
      acts = before;
      replay(shown, 'last');
      caption.textContent = `Not possible: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  function restart(withScenario: boolean): void {
    acts = withScenario ? scenario(pages) : [{ do: 'create', memcg: 'parent', parent: 'root' }];
    // The story begins where the child is about to be removed; what led there is a step back.
    const removal = acts.findIndex((one) => one.do === 'remove');
    replay(removal < 0 ? acts.length - 1 : removal - 1, 'last');
  }

  root.replaceChildren(
    lead(),
    cards.element,
    element(
      'div',
      { class: 'm-size' },
      element('label', { for: 'm-size' }, 'Give the child more pages, and see which counts grow:'),
      size,
      sizeShown,
    ),
    player.element,
    caption,
    numbers.element,
    figure,
    legend(),
    form.element,
    glossary(),
  );
  player.listen(root);
  restart(true);
}
