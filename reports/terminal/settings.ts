/** Values that were chosen, and why, on a terminal: those that nobody chose are only counted. */
import type { Setting } from '../pages/page.ts';
import type { Styles } from './styles.ts';
import { padEnd, padStart, truncate, visibleLength, wrap } from './text.ts';

const GAP = '  ';
const KEY_WIDTH_MAX = 28;
const VALUE_WIDTH_MAX = 14;
/** Lines of values: where they do not suffice origins are cut, then values are only counted. */
const LINES_MAX = 40;

interface Widths {
  key: number;
  value: number;
  from: number;
}

function settingLines({ key, value, from }: Setting, widths: Widths, styles: Styles): string[] {
  const [first = '', ...more] = wrap(from, widths.from);
  const start =
    padEnd(truncate(key, widths.key), widths.key) +
    GAP +
    padStart(truncate(value, widths.value), widths.value);
  const indent = ' '.repeat(widths.key + GAP.length + widths.value + GAP.length);
  return [
    (start + GAP + styles.quiet(first)).trimEnd(),
    ...more.map((line) => indent + styles.quiet(line)),
  ];
}

function widthsFor(settings: readonly Setting[], width: number): Widths {
  const widest = (texts: readonly string[], most: number): number =>
    Math.min(most, Math.max(0, ...texts.map(visibleLength)));
  const keys = settings.map((one) => one.key);
  const values = settings.map((one) => one.value);
  const key = widest(keys, Math.min(KEY_WIDTH_MAX, Math.floor(width / 3)));
  const value = widest(values, VALUE_WIDTH_MAX);
  return { key, value, from: Math.max(8, width - key - value - 2 * GAP.length) };
}

/** Lays out settings in at most `width` columns, one string a line. */
export function renderSettings(
  settings: readonly Setting[],
  width: number,
  styles: Styles,
): string[] {
  const chosen = settings.filter(({ usual }) => !usual);
  const widths = widthsFor(chosen, width);
  const whole = chosen.flatMap((one) => settingLines(one, widths, styles));
  const cut = chosen.map((one) => ({ ...one, from: truncate(one.from, widths.from) }));
  const lines =
    whole.length <= LINES_MAX
      ? whole
      : cut.slice(0, LINES_MAX).flatMap((one) => settingLines(one, widths, styles));
  const counts = [
    ...(chosen.length > LINES_MAX ? [`${chosen.length - LINES_MAX} more`] : []),
    ...(chosen.length < settings.length
      ? [`${settings.length - chosen.length} that are as usual`]
      : []),
  ];
  if (counts.length === 0) return lines;
  const text = `Not shown: ${counts.join(' and ')}; the record and Markdown have them.`;
  return [...lines, ...wrap(text, width)];
}
