/** Text of a record as HTML: whatever it holds stays text. */
import type { Chart, Tone } from '../pages/page.ts';
import { printable } from '../terminal/text.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
};

/** Escapes for element content and for quoted attributes alike. */
export function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (letter) => ENTITIES[letter] ?? '');
}

/** Escapes a sentence; what stands between backticks is set as code. */
export function prose(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

/** On the terminal this text continues the line of a heading; here it stands alone. */
export function sentence(how: string): string {
  return prose(`${how.slice(0, 1).toUpperCase()}${how.slice(1)}`);
}

/** What a tone is called where it cannot be seen. */
const TONE_WORDS: Readonly<Record<Tone, string>> = {
  ...{ good: 'Good', bad: 'Problem', warn: 'Caution', quiet: 'Note' },
};

/** Marks that say by shape what colour says as well; the words are for those who hear the page. */
export function toneMark(tone: Tone | undefined): string {
  if (tone === undefined) return '';
  return `<span class="heard">${TONE_WORDS[tone]}: </span>`;
}

/** A class attribute, or nothing. */
export function classOf(tone: Tone | undefined): string {
  return tone === undefined ? '' : ` class="${tone}"`;
}

/** Text of a data block inside a document: nothing in it can end the block. */
export function jsonBlock(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** The name of a chart for those who do not see it. */
export function chartName(title: string, { series, xTitle }: Chart): string {
  return `${title}: ${series.map(({ name }) => name).join(', ')}, by ${xTitle}`;
}
