/** The frame of every HTML page: what it may load, its style sheets and its scripts. Nothing in it asks for anything outside. */
import { escaped, jsonBlock } from './text.ts';

/** Text that goes into the page, and its SHA-256 in base64, by which the page allows it. */
export interface Asset {
  text: string;
  sha256: string;
}

/** What a page is made of beside records; `machine` is a small machine to play with. */
export interface PageAssets {
  style: Asset;
  charts: Asset;
  machine?: { style: Asset; script: Asset };
}

/** A page without its frame. */
export interface Content {
  title: string;
  styles: readonly Asset[];
  scripts: readonly Asset[];
  /** HTML, line by line. */
  body: readonly string[];
}

/** By this, files that were written here are known again. */
const GENERATOR = 'slabsplice report';

function policy({ scripts, styles }: Content): string {
  const hashes = (all: readonly Asset[]): string =>
    all.map(({ sha256 }) => `'sha256-${sha256}'`).join(' ');
  return `default-src 'none'; base-uri 'none'; form-action 'none'; script-src ${hashes(scripts)}; style-src ${hashes(styles)}; img-src data:`;
}

/** The whole document. */
export function documentHtml(content: Content): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta name="generator" content="${GENERATOR}">`,
    `<meta http-equiv="Content-Security-Policy" content="${policy(content)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escaped(content.title)}</title>`,
    ...content.styles.map(({ text }) => `<style>${text}</style>`),
    '</head>',
    '<body>',
    ...content.body,
    ...content.scripts.map(({ text }) => `<script>${text}</script>`),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

/** A record as data in a page. */
export function recordBlock(record: unknown, id: string): string {
  return `<script type="application/json" id="${id}-json">${jsonBlock(record)}</script>`;
}
