/** Text on a terminal: how long it looks, how it wraps, and what a record may not smuggle into it. */

const ESCAPE = String.fromCharCode(27);
/** Colour and style sequences, the only escapes that the views themselves write. */
const STYLE = new RegExp(`${ESCAPE}\\[[0-9;]*m`, 'g');
/** Controls and what is not seen: enough to move a cursor, retitle a window, or turn text around. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]+/gu;

/** Removes colours and styles. */
export function stripStyle(text: string): string {
  return text.replace(STYLE, '');
}

/** Returns the columns that a text takes, colours not counted; all our text is one column a letter. */
export function visibleLength(text: string): number {
  return [...stripStyle(text)].length;
}

/** Replaces control characters, so that text from a record file cannot steer the terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, ' ');
}

/** Strings of a record come from a file, so every one of them is made harmless before it is shown. */
export function printableDeep<Value>(value: Value): Value {
  if (typeof value === 'string') return printable(value) as Value;
  if (Array.isArray(value)) return value.map(printableDeep) as Value;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, printableDeep(inner)]);
  return Object.fromEntries(entries) as Value;
}

/** Pads on the left to `width` columns. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - visibleLength(text))) + text;
}

/** Pads on the right to `width` columns. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleLength(text)));
}

/** Cuts unstyled text to `width` columns; a cut ends in `~`. */
export function truncate(text: string, width: number): string {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, Math.max(0, width - 1)).join('')}~`;
}

function splitLong(word: string, width: number): string[] {
  const letters = [...word];
  const parts: string[] = [];
  for (let start = 0; start < letters.length; start += width) {
    parts.push(letters.slice(start, start + width).join(''));
  }
  return parts;
}

/** Breaks unstyled text into lines of at most `width` columns; later lines start with `indent`. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const room = Math.max(1, width - indent.length);
  const words = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .flatMap((word) => splitLong(word, room));
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    const longer = line === '' ? word : `${line} ${word}`;
    const start = lines.length === 0 ? '' : indent;
    if (line !== '' && start.length + visibleLength(longer) > width) {
      lines.push(start + line);
      line = word;
    } else {
      line = longer;
    }
  }
  if (line !== '') lines.push((lines.length === 0 ? '' : indent) + line);
  return lines;
}
