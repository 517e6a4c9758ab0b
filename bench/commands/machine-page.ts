/** `report --machine`: a page with a small machine to play with, and schedules that `explore` found. */
import { createHash } from 'node:crypto';
import type { ResultRecord } from '../../reports/index.ts';
import { pageAssets } from '../page-assets.ts';

/** A record as data in the page: nothing in it can end the element that it is in. */
function embedded(record: ResultRecord): string {
  const text = JSON.stringify(record).replaceAll('<', '\\u003c');
  return `<script type="application/json" data-record>${text}</script>`;
}

const FRAME =
  'html{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:1.5rem auto;max-width:62rem;padding:0 1rem;background:light-dark(#fff,#16181b);color:light-dark(#1b1d20,#e4e6e9)}';

/** The page; it asks for nothing outside. */
export function machinePage(records: readonly ResultRecord[]): string {
  const { style, script } = pageAssets().machine;
  const frame = `'sha256-${createHash('sha256').update(FRAME).digest('base64')}'`;
  const policy = `default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'sha256-${script.sha256}'; style-src 'sha256-${style.sha256}' ${frame}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<title>slabsplice: the idea, on a small machine</title>',
    `<style>${FRAME}</style>`,
    `<style>${style.text}</style>`,
    '<section id="machine" data-machine>',
    '<h1>What does removing a cgroup leave behind?</h1>',
    '<noscript>This page is a machine to play with, and needs scripts.</noscript>',
    '</section>',
    ...records.map(embedded),
    `<script>${script.text}</script>`,
    '</html>',
    '',
  ].join('\n');
}
