/** What a user may write after `diff`. */
import type { Option } from 'commander';
import { UsageError } from './errors.ts';
import { choiceOption, parseWord, quote, textOption } from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';

/** The options of `diff`, as commander hands them over. */
interface DiffRaw extends RawOptions {
  threshold?: number;
  only?: string[];
}

/** Everything `diff` needs, checked. */
export interface DiffOptions {
  /** The older record, or the one to be compared with. */
  readonly a: string;
  readonly b: string;
  /** Share beyond which a difference counts: 0.05 is 5 %. */
  readonly threshold: number;
  /** Keys that hold one of these; all if it is empty. */
  readonly only: readonly string[];
  readonly seed: number;
}

const THRESHOLD = 0.05;
const THRESHOLD_MAX = 10;

/** Reads `5%`, `5 %`, or the ratio `1.05`, as a share. */
export function parseThreshold(option: string, text: string): number {
  const [, percent] = /^(\d+(?:\.\d+)?) ?%$/.exec(text) ?? [];
  const ratio = /^\d+(?:\.\d+)?x?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  // Rounded, as 1.05 - 1 is not 0.05.
  const share = percent === undefined ? Math.round((ratio - 1) * 1e9) / 1e9 : Number(percent) / 100;
  if (share >= 0 && share <= THRESHOLD_MAX) return share;
  throw new UsageError(
    `${option}: ${quote(text)} is not a threshold; give a share such as 5%, or a ratio of at least 1 such as 1.05`,
  );
}

function parseOnly(option: string, text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  for (const part of parts) parseWord(option, part, 'a part of a key');
  return parts;
}

/** All options of `diff`. */
export function diffOptions(): Option[] {
  return [
    textOption(
      '--threshold <SHARE>',
      `worse by more than this is a regression: 5% or 1.05 (default: ${THRESHOLD * 100}%)`,
      parseThreshold,
    ),
    textOption('--only <a,b>', 'pairs whose key holds one of these (default: all)', parseOnly),
    choiceOption('--format <NAME>', 'terminal or markdown (default: terminal)', [
      'terminal',
      'markdown',
    ]),
    ...commonOptions(),
  ];
}

/** Checks the operands and fills in what the user left out. */
export function resolveDiff(raw: DiffRaw, files: readonly string[]): DiffOptions {
  const [a, b, more] = files;
  if (a === undefined || b === undefined || more !== undefined) {
    throw new UsageError(
      `diff: ${files.length} ${files.length === 1 ? 'record' : 'records'} given; give two: slabsplice diff BEFORE.json AFTER.json`,
    );
  }
  return {
    ...{ a, b, threshold: raw.threshold ?? THRESHOLD, only: raw.only ?? [] },
    seed: raw.seed ?? DEFAULT_SEED,
  };
}
