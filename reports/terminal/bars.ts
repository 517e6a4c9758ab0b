/** Bars of parts on a terminal: one scale for all, each part drawn with a mark of its own. */
import type { Bars } from '../pages/page.ts';
import type { Styles } from './styles.ts';
import { padStart, truncate, visibleLength } from './text.ts';

const GAP = ' ';
/** Bars shorter than this tell nothing apart. */
const BAR_WIDTH_MIN = 8;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Ends of the parts are rounded, not their lengths: so a bar is as long as all of them together. */
function barText(
  { parts }: Bars,
  values: readonly number[],
  perColumn: number,
  styles: Styles,
): string {
  let end = 0;
  let drawn = 0;
  return parts
    .map(({ mark, background }, at) => {
      end += (values[at] ?? 0) / perColumn;
      const text = mark.repeat(Math.max(0, Math.round(end) - drawn));
      drawn += text.length;
      if (text === '') return '';
      return background ? styles.quiet(text) : styles.tone('warn')(text);
    })
    .join('');
}

/** Lays out bars in at most `width` columns, one string a line. */
export function renderBars(bars: Bars, width: number, styles: Styles): string[] {
  const all = bars.groups.flatMap((group) => group.bars);
  const figures = all.map(({ values }) => bars.format(sum(values)));
  const figure = Math.max(0, ...figures.map(visibleLength));
  const label = Math.max(0, ...all.map((one) => visibleLength(one.label)));
  const room = Math.max(BAR_WIDTH_MIN, width - label - figure - 2 * GAP.length);
  const perColumn = Math.max(...all.map(({ values }) => sum(values))) / room || 1;
  return bars.groups.flatMap((group) => [
    styles.heading(truncate(group.title, width)),
    ...group.bars.map(({ label: name, values }) =>
      [
        padStart(name, label),
        padStart(bars.format(sum(values)), figure),
        barText(bars, values, perColumn, styles),
      ]
        .join(GAP)
        .trimEnd(),
    ),
  ]);
}
