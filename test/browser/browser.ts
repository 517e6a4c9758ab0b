/**
 * Pages in a real browser. Where there is none, tests are skipped with the reason; in CI that is a failure,
 * or nobody would notice.
 */
import assert from 'node:assert/strict';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { pageAssets } from '../../bench/page-assets.ts';
import { type ResultRecord, renderHtml } from '../../reports/index.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function executable(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const files = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why there is no browser, or false: an option of `test`. */
export function skipReason(): string | false {
  if (executable() !== undefined) return false;
  const reason = `no browser: none of ${NAMES.join(', ')} is in PATH`;
  assert.ok(!process.env.CI, `${reason}; install chromium`);
  return reason;
}

let started: Promise<Browser> | undefined;

/** One browser for all tests of a file. */
function browser(): Promise<Browser> {
  const executablePath = executable();
  assert.ok(executablePath);
  // A sandbox of its own needs rights that root in a container does not have.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  started ??= chromium.launch({ executablePath, args });
  return started;
}

after(async () => (await started)?.close());

/** A page that was opened, and what it did that no page may do. */
export interface Opened {
  page: Page;
  /** Errors, warnings of the console, and requests beside the file itself. */
  faults: string[];
}

/** Opens a page from a file, as whoever gets it in a mail does. */
export async function openHtml(
  t: TestContext,
  html: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const folder = mkdtempSync(join(tmpdir(), 'slabsplice-page-'));
  const file = join(folder, 'page.html');
  writeFileSync(file, html);
  const context = await (await browser()).newContext({ acceptDownloads: true, ...options });
  t.after(async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const faults: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== url) faults.push(`asks for ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults };
}

/** Opens the page of records, and waits until its charts are drawn. */
export async function open(
  t: TestContext,
  records: readonly ResultRecord[],
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const opened = await openHtml(t, renderHtml(records, pageAssets()), options);
  if (options.javaScriptEnabled === false) return opened;
  await opened.page.waitForSelector('html[data-charts=ready]');
  return opened;
}
