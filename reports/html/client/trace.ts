/** Steps through a schedule: buttons, a slider, arrow keys, or by itself. */
import type { Trace } from '../../pages/page.ts';
import { button, make } from './dom.ts';

/** Time for a step while it goes on by itself. */
const STEP_MS = 900;

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

/** Puts the controls above the table of a schedule. */
export function mountTrace(host: HTMLElement, trace: Trace): void {
  const rows = [...host.querySelectorAll<HTMLTableRowElement>('tr[data-step]')];
  const box = host.querySelector<HTMLElement>('.scroll');
  if (rows.length === 0 || box === null) return;
  const last = rows.length - 1;
  const switches = trace.lines.flatMap(({ mark }, at) => (mark === undefined ? [] : [at]));
  let step = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  const slider = make('input', { type: 'range', min: 1, max: rows.length, 'aria-label': 'Step' });
  const told = make('output', { class: 'told', 'aria-live': 'polite' });

  const scrollTo = (row: HTMLElement): void => {
    const head = box.querySelector('thead')?.clientHeight ?? 0;
    const top = row.offsetTop - head;
    const hidden =
      top < box.scrollTop || row.offsetTop + row.clientHeight > box.scrollTop + box.clientHeight;
    if (hidden) box.scrollTop = Math.max(0, top - box.clientHeight / 3);
    // On a narrow screen not all lanes are in sight.
    const cell = row.querySelector<HTMLElement>('td:not(:empty)');
    if (cell === null) return;
    const right = cell.offsetLeft + cell.clientWidth - box.clientWidth;
    box.scrollLeft = Math.min(cell.offsetLeft, Math.max(box.scrollLeft, right));
  };
  const go = (to: number): void => {
    rows[step]?.removeAttribute('aria-current');
    step = clamp(to, last);
    const row = rows[step];
    const line = trace.lines[step];
    if (row === undefined || line === undefined) return;
    row.setAttribute('aria-current', 'step');
    scrollTo(row);
    slider.value = String(step + 1);
    slider.setAttribute('aria-valuetext', `${step + 1} of ${rows.length}`);
    told.textContent = `Step ${step + 1} of ${rows.length}. CPU ${line.cpu}: ${line.text}`;
    previous.disabled = step === 0;
    next.disabled = step === last;
  };
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    play.textContent = 'Play';
  };
  const choose = (to: number): void => {
    stop();
    go(to);
  };
  const start = (): void => {
    if (step === last) go(0);
    play.textContent = 'Pause';
    timer = setInterval(() => {
      go(step + 1);
      if (step === last) stop();
    }, STEP_MS);
  };

  const previous = button('Previous', () => choose(step - 1));
  const next = button('Next', () => choose(step + 1));
  const play = button('Play', () => (timer === undefined ? start() : stop()));
  const nextSwitch = button('Next switch', () =>
    choose(switches.find((at) => at > step) ?? switches[0] ?? 0),
  );
  slider.addEventListener('input', () => choose(Number(slider.value) - 1));
  const keys: Readonly<Record<string, () => number>> = {
    ArrowLeft: () => step - 1,
    ArrowUp: () => step - 1,
    ArrowRight: () => step + 1,
    ArrowDown: () => step + 1,
    Home: () => 0,
    End: () => last,
  };
  host.addEventListener('keydown', (event) => {
    const to = keys[event.key];
    // The slider has these keys itself.
    if (to === undefined || event.target === slider) return;
    event.preventDefault();
    choose(to());
  });
  for (const [at, row] of rows.entries()) row.addEventListener('click', () => choose(at));

  box.tabIndex = 0;
  const buttons = [previous, next, ...(switches.length > 0 ? [nextSwitch] : []), play];
  host.prepend(
    make('div', { class: 'tools', role: 'group', 'aria-label': 'Steps' }, ...buttons, slider),
    told,
  );
  go(0);
}
