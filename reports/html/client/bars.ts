/** Bars whose parts can be hidden: the others then have the whole width. */
import type { Bars } from '../../pages/page.ts';
import { barRowsHtml } from '../bars.ts';
import { make } from './dom.ts';

/** Makes buttons of the legend. */
export function mountBars(figure: HTMLElement, bars: Bars): void {
  const rows = figure.querySelector('.rows');
  const hidden = new Set<number>();
  for (const [at, item] of [...figure.querySelectorAll('.legend li')].entries()) {
    const toggle = make('button', { type: 'button', 'aria-pressed': 'true' }, ...item.childNodes);
    toggle.addEventListener('click', () => {
      if (!hidden.delete(at)) hidden.add(at);
      toggle.setAttribute('aria-pressed', String(!hidden.has(at)));
      if (rows !== null) rows.innerHTML = barRowsHtml(bars, hidden);
    });
    item.replaceChildren(toggle);
  }
}
