/** Colours of the terminal views, each of which can be off: nothing is said by colour alone. */
import picocolors from 'picocolors';
import type { Tone } from '../pages/page.ts';

/** Wraps text in a style, or returns it as it is when colour is off. */
export type Paint = (text: string) => string;

/** Every style that the views use. */
export interface Styles {
  title: Paint;
  heading: Paint;
  quiet: Paint;
  tone: (tone: Tone | undefined) => Paint;
  /** Colour of the n-th line of a chart. */
  line: (index: number) => Paint;
}

const plain: Paint = (text) => text;

/** Creates the styles; with `color` false every one of them leaves text alone. */
export function createStyles(color: boolean): Styles {
  const colors = picocolors.createColors(color);
  const tones: Record<Tone, Paint> = {
    good: colors.green,
    bad: colors.red,
    warn: colors.yellow,
    quiet: colors.dim,
  };
  const lines: Paint[] = [
    colors.cyan,
    colors.yellow,
    colors.magenta,
    colors.green,
    colors.blue,
    colors.red,
  ];
  return {
    title: (text) => colors.bold(text),
    heading: (text) => colors.bold(text),
    quiet: colors.dim,
    tone: (tone) => (tone === undefined ? plain : tones[tone]),
    line: (index) => lines[index % lines.length] ?? plain,
  };
}
