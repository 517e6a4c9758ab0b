/** The documents for readers: their texts, code blocks, and the command lines in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A file of this repository, as text. */
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Every document, by its path from the root. */
export const DOCUMENTS: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'core/README.md', 'bench/data/README.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
];

/** A fenced block. */
export interface Block {
  readonly file: string;
  /** Line of its first line, from 1. */
  readonly line: number;
  /** What stands behind the fence; empty for what a program prints. */
  readonly language: string;
  readonly text: string;
}

/** All fenced blocks of a document. */
export function blocksOf(file: string): Block[] {
  const text = read(file);
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map((found) => ({
    file,
    line: text.slice(0, found.index).split('\n').length + 1,
    language: found[1] ?? '',
    text: found[2] ?? '',
  }));
}

/** A document without its fenced blocks. */
export function proseOf(file: string): string {
  return read(file).replace(/^```\w*\n[\s\S]*?^```$/gm, '');
}

/** A call of this tool or of npm. */
export interface Call {
  readonly file: string;
  readonly program: 'slabsplice' | 'npm';
  readonly words: readonly string[];
  /** As it stands there, without what surrounds it in its line. */
  readonly text: string;
}

/** Words of a simple shell command: quotes are taken off, redirections and comments are left out. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/(?:^|\s)(#.*$|\d?>+\s*\S+|(?:'[^']*'|"[^"]*"|[^\s'"])+)/g)];
  return words
    .map(([, word = '']) => word)
    .filter((word) => !/^(#|\d?>)/.test(word))
    .map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** Parts of a line that a pipe or && joins; a bar in quotes joins nothing. */
function partsOf(line: string): string[] {
  const code = line.replace(/(^|\s)#.*$/, '');
  return code.match(/(?:'[^']*'|"[^"]*"|[^|&'"])+/g) ?? [];
}

function callIn(file: string, part: string): Call[] {
  const words = wordsOf(part.trim());
  while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
  if (words[0] === 'npx') words.shift();
  const [program, ...rest] = words;
  if (program !== 'slabsplice' && program !== 'npm') return [];
  return [{ file, program, words: rest, text: [program, ...rest].join(' ') }];
}

/** Calls in the shell blocks of a document, in their order. */
export function callsIn(file: string): Call[] {
  return blocksOf(file)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replace(/\\\n/g, ' ').split('\n'))
    .flatMap(partsOf)
    .flatMap((part) => callIn(file, part));
}

/** Calls that stand in a sentence, in backquotes; a name alone is none. */
export function callsInProse(file: string): Call[] {
  const text = proseOf(file).replace(/\s+/g, ' ');
  return [...text.matchAll(/`((?:npx )?slabsplice [^`]*|npm (?:run|start|test)\b[^`]*)`/g)]
    .map(([, code = '']) => code)
    .flatMap(partsOf)
    .flatMap((part) => callIn(file, part));
}
