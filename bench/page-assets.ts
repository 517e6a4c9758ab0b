/** What an HTML page is made of beside records: made by the build (scripts/bundle.mjs), read when needed. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Asset, PageAssets } from '../reports/index.ts';

function place(name: string): URL {
  return new URL(`../pages/${name}`, import.meta.url);
}

function asset(name: string): Asset {
  const text = readFileSync(place(name), 'utf8');
  return { text, sha256: createHash('sha256').update(text).digest('base64') };
}

/** Reads the style sheets and the scripts; the machine to play with where the build has its style. */
export function pageAssets(): PageAssets {
  const page = { style: asset('page.css'), charts: asset('charts.js') };
  if (!existsSync(place('machine.css'))) return page;
  return { ...page, machine: { style: asset('machine.css'), script: asset('machine.js') } };
}
