/** The machine that one plays with: designs to compare, a story to step through, and a form. */
import { ModelError, ROOT_MEMCG } from '../../core/index.ts';
import { PAGES, type PlayedMoment } from '../picture/scenario.ts';
import type { Act } from '../picture/stage.ts';
import { amount, dyingMemcgs, pinnedKib } from '../picture/words.ts';
import { designCards } from './designs.ts';
import { element } from './dom.ts';
import { drawScene } from './figure.ts';
import { glossary, legend, word } from './glossary.ts';
import { handsOn } from './hands-on.ts';
import { createPlayer } from './player.ts';
import { backgroundOf } from './scenes.ts';
import { createStory, type Story } from './story.ts';

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
  const [rewritten, looks, dying, kept] = [slot(), slot(), slot(), slot()];
  const entry = (term: Node, value: HTMLElement) =>
    element('div', {}, element('dt', {}, term), value);
  return {
    element: element(
      'dl',
      { class: 'm-counters' },
      entry(element('span', {}, 'the hand-over rewrote'), rewritten),
      entry(element('span', {}, 'slab pages it looked at'), looks),
      entry(element('span', {}, word('dying'), ' cgroups'), dying),
      entry(element('span', {}, 'slab memory they keep'), kept),
    ),
    show({ count, frame }: PlayedMoment): void {
      const { pages, caches, objcgs } = count;
      const counted = [
        amount(pages, 'page'),
        amount(caches, 'cache'),
        amount(objcgs, 'obj_cgroup'),
      ];
      rewritten.textContent = counted.join(', ');
      looks.textContent = String(count.looks);
      dying.textContent = String(dyingMemcgs(frame).length);
      kept.textContent = `${pinnedKib(frame)} KiB`;
    },
  };
}

/** How long a moment stays: a sentence takes its time, the pages of a hand-over share theirs. */
function stayIn(moments: readonly PlayedMoment[]): (index: number) => number {
  const handing = moments.filter(({ handOver }) => handOver).length;
  const isHanding = (index: number): boolean => moments[index]?.handOver === true;
  return (index) =>
    isHanding(index) && isHanding(index + 1)
      ? Math.max(LEAST_MS, Math.min(SENTENCE_MS, HAND_OVER_MS / handing))
      : SENTENCE_MS;
}

function describe({ frame, caption }: PlayedMoment): string {
  const owners = frame.memcgs
    .filter(({ row }) => row !== ROOT_MEMCG)
    .map(({ name, state, pages }) => `${name}: ${state}, ${amount(pages, 'page')} charged`);
  return `The machine. ${owners.join('; ')}. ${caption}`;
}

/** How many pages the child gets. */
function sizeSlider(choose: (pages: number) => void): HTMLElement {
  const slider = element('input', {
    ...{ type: 'range', min: String(PAGES.least), max: String(PAGES.most), id: 'm-size' },
    ...{ step: String(PAGES.step), value: String(PAGES.usual) },
  });
  const shown = element('output', { for: 'm-size' }, `${PAGES.usual} pages`);
  slider.addEventListener('input', () => {
    shown.textContent = `${slider.value} pages`;
    choose(Number(slider.value));
  });
  const label = 'Give the child more pages, and see which counts grow:';
  return element(
    'div',
    { class: 'm-size' },
    element('label', { for: 'm-size' }, label),
    slider,
    shown,
    element(
      'p',
      { class: 'm-note' },
      'A cgroup has as many pages as its work needed, up to millions, but only one cache for each type of object that it used, about a hundred. That is why the splice is cheap.',
    ),
  );
}

/** Caption, numbers and picture of a moment. */
function createView(story: Story, pick: (row: number, place: number) => void) {
  const caption = element('p', { class: 'm-caption', 'aria-live': 'polite' });
  const figure = element('div', { class: 'm-figure', tabindex: '0', role: 'img' });
  const numbers = counters();
  return {
    elements: [caption, numbers.element, figure],
    playing: (on: boolean) => caption.setAttribute('aria-live', on ? 'off' : 'polite'),
    say(text: string): void {
      caption.textContent = text;
    },
    show(index: number, moving: boolean): void {
      const moments = story.moments();
      const moment = moments[index];
      if (moment === undefined) return;
      const background = backgroundOf(moments.slice(0, index + 1).map(({ frame }) => frame));
      const isLast = index === moments.length - 1;
      caption.textContent = moment.caption;
      numbers.show(moment);
      figure.setAttribute('aria-label', describe(moment));
      const scene = {
        ...{ frame: moment.frame, touched: moment.touched, shared: new Set(moment.shared) },
        ...{ memmap: story.strategy() === 'scan-pages', pick: isLast ? pick : null },
      };
      drawScene(figure, { ...scene, ...background }, moving);
    },
    /** Another history may need less room. */
    reset(): void {
      figure.style.minHeight = '';
    },
  };
}

/** Puts the machine into an element. */
export function mountMachine(root: HTMLElement): void {
  const story = createStory();
  const player = createPlayer('the story');
  const view = createView(story, (row, place) => {
    const found = story
      .stage()
      .objects()
      .find((one) => one.row === row && one.place === place);
    if (found !== undefined) perform({ do: 'free', objects: [found.serial] });
  });
  let pages: number = PAGES.usual;
  const cards = designCards(story.strategy(), (name) => load(story.choose(name, player.at())));
  const size = sizeSlider((chosen) => {
    pages = chosen;
    load(story.tell(pages));
  });
  const restart = (told: boolean): void => load(told ? story.tell(pages) : story.clear());
  const form = handsOn({ stage: story.stage, perform, restart });

  function load(at: number): void {
    const moments = story.moments();
    view.reset();
    cards.show(story.acts());
    player.load(
      {
        length: moments.length,
        ...{ show: view.show, playing: view.playing, parts: story.parts, stay: stayIn(moments) },
        describe: (index) => moments[index]?.caption ?? '',
      },
      at,
    );
    form.refresh();
  }

  function perform(act: Act): void {
    try {
      load(story.perform(act, player.at()));
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      view.say(`Not possible: ${error.message}`);
    }
  }

  root.replaceChildren(
    ...[lead(), cards.element, size],
    element('div', {}, player.element, ...view.elements),
    ...[legend(), form.element, glossary()],
  );
  player.listen(root);
  // The story begins where the child is about to be removed; what led there is a step back.
  restart(true);
}
