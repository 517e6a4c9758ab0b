/** What an HTML page is made of beside records: made by the build (scripts/bundle.mjs), read when needed. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Asset, PageAssets } from '../reports/index.ts';

function place(name: string): URL {
  return new URL(`../pages/${name}`, import.meta.url);
}

function asset(name: string): Asset {
  const text = readFileSync(place(name), 'utf8');
  return { text, sha256: createHash('sha256').update(text).digest('base64') };
}

/** Reads the style sheets and the scripts. */
export function pageAssets(): Required<PageAssets> {
  return {
    ...{ style: asset('page.css'), charts: asset('charts.js') },
    machine: { style: asset('machine.css'), script: asset('machine.js') },
  };
}
