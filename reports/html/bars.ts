/** Stacked bars as HTML: one scale for all, each part with a colour and a letter of its own. */
import type { Bars } from '../pages/page.ts';
import { escaped } from './text.ts';

/** Narrower parts, in percent of the whole width, have no room for their letter. */
const LETTER_FROM = 2.5;
const HEIGHT = 20;

function sumOf(values: readonly number[], hidden: ReadonlySet<number>): number {
  return values.reduce((sum, value, at) => (hidden.has(at) ? sum : sum + value), 0);
}

function barHtml(
  { parts, format }: Bars,
  values: readonly number[],
  hidden: ReadonlySet<number>,
  most: number,
): string {
  let x = 0;
  const pieces = parts.map(({ name, mark }, at) => {
    const value = hidden.has(at) ? 0 : (values[at] ?? 0);
    const width = most > 0 ? (100 * value) / most : 0;
    const from = x;
    x += width;
    if (width <= 0) return '';
    const place = `x="${from.toFixed(2)}%" width="${width.toFixed(2)}%"`;
    const letter =
      width < LETTER_FROM
        ? ''
        : `<text x="${(from + width / 2).toFixed(2)}%" y="${HEIGHT - 6}">${escaped(mark)}</text>`;
    return `<g class="part-${at}"><title>${escaped(name)}: ${escaped(format(value))}</title><rect ${place} height="${HEIGHT}"/>${letter}</g>`;
  });
  return `<svg aria-hidden="true" height="${HEIGHT}">${pieces.join('')}</svg>`;
}

/** What a bar is made of, for those who do not see it. */
function heardText(
  { parts, format }: Bars,
  values: readonly number[],
  hidden: ReadonlySet<number>,
) {
  return parts
    .flatMap(({ name }, at) => {
      const value = values[at] ?? 0;
      return hidden.has(at) || value === 0 ? [] : [`${name} ${format(value)}`];
    })
    .join(', ');
}

/**
 * The bars without those parts that are hidden.
 * @param hidden places in `bars.parts`
 */
export function barRowsHtml(bars: Bars, hidden: ReadonlySet<number>): string {
  const all = bars.groups.flatMap((group) => group.bars);
  const most = all.reduce((highest, { values }) => Math.max(highest, sumOf(values, hidden)), 0);
  const groups = bars.groups.map(({ title, bars: own }) => {
    const rows = own.map(
      ({ label, values }) =>
        `<tr><th scope="row">${escaped(label)}</th><td>${escaped(bars.format(sumOf(values, hidden)))}</td><td class="bar">${barHtml(bars, values, hidden, most)}<span class="heard">${escaped(heardText(bars, values, hidden))}</span></td></tr>`,
    );
    return `<tbody><tr><th scope="rowgroup" colspan="3">${escaped(title)}</th></tr>\n${rows.join('\n')}\n</tbody>`;
  });
  return `<table class="bars">${groups.join('\n')}</table>`;
}

/** The bars, and what the letters stand for. */
export function barsHtml(bars: Bars): string {
  const parts = bars.parts.map(
    ({ name, mark }, at) =>
      `<li><span class="letter part-${at}" aria-hidden="true">${escaped(mark)}</span> ${escaped(name)}</li>`,
  );
  return `<figure class="bars" data-bars><ul class="legend">${parts.join('')}</ul><div class="rows">${barRowsHtml(bars, new Set())}</div></figure>`;
}
