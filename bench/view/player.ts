/** Forward, back, play, a slider and keys over a row of moments. */
import { button, element, prefersStill } from './dom.ts';

/** A row of moments that can be gone through. */
export interface Sequence {
  readonly length: number;
  /** Shows a moment; `moving` when it follows the one that was shown. */
  show(index: number, moving: boolean): void;
  /** It begins or ends to play by itself: what it says then comes too fast to be read out. */
  playing(on: boolean): void;
  /** How long a moment stays while it plays, in ms. */
  stay(index: number): number;
  /** What a moment is, for the slider. */
  describe(index: number): string;
  /** Stretches of moments with a name, in order: where each begins. */
  parts(): readonly { readonly from: number; readonly name: string; readonly strong: boolean }[];
}

/** A player of sequences. */
export interface Player {
  readonly element: HTMLElement;
  /** Plays another sequence, from a moment on. */
  load(sequence: Sequence, at: number): void;
  at(): number;
  /** Keys of the page part that the player belongs to. */
  listen(within: HTMLElement): void;
}

/** Least time of a moment where nothing glides. */
const STILL_MS = 400;

/** Where a player can go. */
interface Moves {
  to(index: number): void;
  by(steps: number): void;
  toggle(): void;
}

/** Buttons, slider and the bar of parts. */
function createControls(name: string, moves: Moves) {
  const slider = element('input', { type: 'range', min: '0', 'aria-label': `moment of ${name}` });
  slider.addEventListener('input', () => moves.to(Number(slider.value)));
  const place = element('output', { class: 'm-place' });
  const bar = element('div', { class: 'm-parts', 'aria-hidden': 'true' });
  const toggle = button('', 'play', moves.toggle);
  toggle.classList.add('m-play');
  const toFirst = button('«', 'to the first step', () => moves.to(0));
  const back = button('‹', 'one step back', () => moves.by(-1));
  const forward = button('›', 'one step forward', () => moves.by(1));
  const toLast = button('»', 'to the last step', () => moves.to(Number.POSITIVE_INFINITY));
  const buttons = element(
    'div',
    { class: 'm-buttons' },
    ...[toFirst, back, toggle, forward, toLast, place],
  );
  return {
    element: element(
      'div',
      { class: 'm-player', role: 'group', 'aria-label': `player of ${name}` },
      buttons,
      element('div', { class: 'm-track' }, bar, slider),
    ),
    showPlaying(playing: boolean): void {
      toggle.textContent = playing ? '❚❚ pause' : '▶ play';
      toggle.setAttribute('aria-label', playing ? 'pause' : 'play');
      toggle.title = playing ? 'pause (space)' : 'play (space)';
    },
    showPlace(at: number, end: number, text: string): void {
      slider.max = String(end);
      slider.value = String(at);
      slider.setAttribute('aria-valuetext', `${at} of ${end}: ${text}`);
      place.textContent = `${at} / ${end}`;
      for (const one of [toFirst, back]) one.disabled = at === 0;
      for (const one of [forward, toLast]) one.disabled = at === end;
    },
    showParts(sequence: Sequence): void {
      const parts = sequence.parts();
      const made = parts.map(({ from, name: part, strong }, index) => {
        const steps = (parts[index + 1]?.from ?? sequence.length) - from;
        const stretch = element('span', { class: strong ? 'm-strong' : '' }, part);
        stretch.style.flexGrow = String(Math.max(1, steps));
        stretch.title = `${part}: ${steps} steps`;
        stretch.addEventListener('click', () => moves.to(from));
        return stretch;
      });
      bar.replaceChildren(...made);
    },
  };
}

/** What keys do, unless something that has the focus needs them itself. */
function listenTo(within: HTMLElement, moves: Moves): void {
  const acts: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => moves.by(-1),
    ArrowRight: () => moves.by(1),
    Home: () => moves.to(0),
    End: () => moves.to(Number.POSITIVE_INFINITY),
    ' ': moves.toggle,
  };
  within.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { target, key } = event;
    if (target instanceof HTMLElement && target.closest('input, select, summary, a')) return;
    // A space presses a button.
    if (key === ' ' && target instanceof HTMLButtonElement) return;
    const act = acts[key];
    if (act === undefined) return;
    act();
    event.preventDefault();
  });
}

/** Makes a player. */
export function createPlayer(name: string): Player {
  let sequence: Sequence | null = null;
  let at = 0;
  let timer: number | undefined;

  const moves: Moves = {
    to(index) {
      stop();
      move(index);
    },
    by: (steps) => moves.to(at + steps),
    toggle: () => (timer === undefined ? start() : stop()),
  };
  const controls = createControls(name, moves);

  function render(moving: boolean): void {
    if (sequence === null) return;
    controls.showPlace(at, sequence.length - 1, sequence.describe(at));
    sequence.show(at, moving);
  }

  function move(to: number): void {
    const next = Math.max(0, Math.min(to, (sequence?.length ?? 1) - 1));
    if (next === at) return;
    const moving = Math.abs(next - at) === 1;
    at = next;
    render(moving);
  }

  function sayPlaying(on: boolean): void {
    controls.showPlaying(on);
    sequence?.playing(on);
  }

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
    sayPlaying(false);
  }

  function start(): void {
    if (at === (sequence?.length ?? 1) - 1) move(0);
    waitForNext();
  }

  function waitForNext(): void {
    if (sequence === null || at >= sequence.length - 1) {
      stop();
      return;
    }
    // Without the gliding, a moment needs time to be seen.
    const least = prefersStill() ? STILL_MS : 0;
    timer = window.setTimeout(
      () => {
        move(at + 1);
        waitForNext();
      },
      Math.max(least, sequence.stay(at)),
    );
    sayPlaying(true);
  }

  controls.showPlaying(false);
  return {
    element: controls.element,
    load(next, first) {
      stop();
      sequence = next;
      at = Math.max(0, Math.min(first, next.length - 1));
      controls.showParts(next);
      render(false);
    },
    at: () => at,
    listen: (within) => listenTo(within, moves),
  };
}
