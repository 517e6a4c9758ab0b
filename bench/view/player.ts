/** Forward, back, play, a slider and keys over a row of moments. */
import { button, element, prefersStill } from './dom.ts';

/** A row of moments that can be gone through. */
export interface Sequence {
  readonly length: number;
  /** Shows a moment; `moving` when it follows the one that was shown. */
  show(index: number, moving: boolean): void;
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

/** Makes a player. */
export function createPlayer(name: string): Player {
  let sequence: Sequence | null = null;
  let at = 0;
  let timer: number | undefined;

  const slider = element('input', { type: 'range', min: '0', 'aria-label': `moment of ${name}` });
  const place = element('output', { class: 'm-place' });
  const parts = element('div', { class: 'm-parts', 'aria-hidden': 'true' });
  const playButton = button('▶', 'play', () => (timer === undefined ? start() : stop()));
  const back = button('◀', 'one step back', () => go(at - 1));
  const forward = button('▶', 'one step forward', () => go(at + 1));
  playButton.classList.add('m-play');
  back.textContent = '‹';
  forward.textContent = '›';
  const first = button('«', 'to the first step', () => go(0));
  const last = button('»', 'to the last step', () => go(Number.POSITIVE_INFINITY));

  function render(moving: boolean): void {
    if (sequence === null) return;
    const end = sequence.length - 1;
    slider.max = String(end);
    slider.value = String(at);
    slider.setAttribute('aria-valuetext', `${at} of ${end}: ${sequence.describe(at)}`);
    place.textContent = `${at} / ${end}`;
    back.disabled = at === 0;
    first.disabled = at === 0;
    forward.disabled = at === end;
    last.disabled = at === end;
    sequence.show(at, moving);
  }

  function move(to: number): void {
    const next = Math.max(0, Math.min(to, (sequence?.length ?? 1) - 1));
    if (next === at) return;
    const moving = Math.abs(next - at) === 1;
    at = next;
    render(moving);
  }

  function go(to: number): void {
    stop();
    move(to);
  }

  function label(): void {
    const playing = timer !== undefined;
    playButton.textContent = playing ? '❚❚ pause' : '▶ play';
    playButton.setAttribute('aria-label', playing ? 'pause' : 'play');
    playButton.title = playing ? 'pause (space)' : 'play (space)';
  }

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
    label();
  }

  function start(): void {
    if (sequence === null) return;
    if (at === sequence.length - 1) move(0);
    next();
  }

  function next(): void {
    const playing = sequence;
    if (playing === null || at >= playing.length - 1) {
      stop();
      return;
    }
    // Who wants no motion has the moments one by one as well, without what glides between them.
    const least = prefersStill() ? 400 : 0;
    timer = window.setTimeout(
      () => {
        move(at + 1);
        next();
      },
      Math.max(least, playing.stay(at)),
    );
    label();
  }

  slider.addEventListener('input', () => go(Number(slider.value)));
  label();

  function drawParts(): void {
    const all = sequence?.parts() ?? [];
    parts.replaceChildren(
      ...all.map(({ from, name: part, strong }, index) => {
        const to = all[index + 1]?.from ?? sequence?.length ?? 0;
        const made = element('span', { class: strong ? 'm-strong' : '' }, part);
        made.style.flexGrow = String(Math.max(1, to - from));
        made.title = `${part}: ${to - from} steps`;
        made.addEventListener('click', () => go(from));
        return made;
      }),
    );
  }

  return {
    element: element(
      'div',
      { class: 'm-player', role: 'group', 'aria-label': `player of ${name}` },
      element('div', { class: 'm-buttons' }, first, back, playButton, forward, last, place),
      element('div', { class: 'm-track' }, parts, slider),
    ),
    load(next, start) {
      stop();
      sequence = next;
      at = Math.max(0, Math.min(start, next.length - 1));
      drawParts();
      render(false);
    },
    at: () => at,
    listen(within) {
      within.addEventListener('keydown', (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        const { target } = event;
        if (target instanceof HTMLElement && target.closest('input, select, summary, a')) return;
        const isButton = target instanceof HTMLButtonElement;
        if (event.key === 'ArrowLeft') go(at - 1);
        else if (event.key === 'ArrowRight') go(at + 1);
        else if (event.key === 'Home') go(0);
        else if (event.key === 'End') go(Number.POSITIVE_INFINITY);
        else if (event.key === ' ' && !isButton) {
          if (timer === undefined) start();
          else stop();
        } else return;
        event.preventDefault();
      });
    },
  };
}
