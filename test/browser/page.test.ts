/** What holds for every HTML page: nothing fails in it, it is readable on any screen and by any means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { parseRecord } from '../../reports/index.ts';
import { hostile } from '../reports/fixtures/hostile.ts';
import { open, skipReason } from './browser.ts';
import { lineContrasts, textContrasts } from './contrast.ts';
import { everything, longReplay } from './records.ts';

const skip = skipReason();
/** WCAG AA: text, and large text or what is needed to understand a picture. */
const TEXT_CONTRAST = 4.5;
const PICTURE_CONTRAST = 3;

test('nothing fails, and nothing outside is asked for', { skip }, async (t) => {
  const { page, faults } = await open(t, everything());
  assert.equal(await page.locator('.uplot').count(), await page.locator('[data-chart]').count());
  assert.ok((await page.locator('.uplot').count()) >= 6);
  assert.deepEqual(faults, []);
});

test('a hostile record stays text', { skip }, async (t) => {
  const { page, faults } = await open(t, everything().map(hostile));
  for (const summary of await page.locator('summary').all()) {
    await summary.evaluate((element) => (element as HTMLElement).click());
  }
  assert.equal(await page.evaluate(() => 'broken' in globalThis), false);
  assert.equal(await page.locator('img, b').count(), 0);
  assert.deepEqual(faults, []);
});

test('the embedded record is handed out as it was', { skip }, async (t) => {
  const [record] = everything();
  assert.ok(record);
  const { page } = await open(t, [record]);
  const waited = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download the record' }).click();
  const download = await waited;
  assert.match(download.suggestedFilename(), /^compare-\d{8}T\d{6}\.\d{3}Z\.json$/);
  const chunks: Buffer[] = [];
  for await (const chunk of await download.createReadStream()) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(record)));
  assert.equal(parseRecord(text, 'download').command, 'compare');
});

test('without scripts all text is there, and charts are text', { skip }, async (t) => {
  const { page } = await open(t, everything(), { javaScriptEnabled: false });
  assert.ok(await page.locator('noscript pre').first().isVisible());
  assert.ok(await page.locator('.steps tbody tr').first().isVisible());
  assert.equal(await page.locator('main button').count(), 0);
});

for (const width of [360, 768, 1280]) {
  test(`at ${width} pixels the page does not scroll sideways`, { skip }, async (t) => {
    const { page } = await open(t, everything(), { viewport: { width, height: 800 } });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
    const narrow = await page.locator('.u-over').first().boundingBox();
    assert.ok(narrow && narrow.x >= 0 && narrow.x + narrow.width <= width);
  });
}

test('every control and every box that scrolls has a name', { skip }, async (t) => {
  const { page } = await open(t, everything());
  for (const role of ['button', 'slider', 'link', 'region', 'navigation'] as const) {
    const all = page.getByRole(role);
    assert.ok((await all.count()) > 0, role);
    assert.equal(await page.getByRole(role, { name: /\S/ }).count(), await all.count(), role);
  }
  assert.equal(await page.locator('.plot:not([aria-label])').count(), 0);
});

test('every control can be reached with the keyboard and shows that it was', {
  skip,
}, async (t) => {
  const [record] = everything();
  assert.ok(record);
  const { page } = await open(t, [record]);
  const indices = await page
    .locator('main :is(button:enabled, summary, .plot)')
    .evaluateAll((all) => all.map((one) => (one as HTMLElement).tabIndex));
  assert.ok(indices.length > 5);
  assert.deepEqual([...new Set(indices)], [0]);
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(
    () => getComputedStyle(document.activeElement ?? document.body).outlineStyle,
  );
  assert.equal(outline, 'solid');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`text and lines stand out in ${colorScheme} colours`, { skip }, async (t) => {
    const { page } = await open(t, everything(), { colorScheme });
    const low = (await textContrasts(page)).filter(({ ratio }) => ratio < TEXT_CONTRAST);
    assert.deepEqual(low, []);
    const faint = (await lineContrasts(page)).filter(({ ratio }) => ratio < PICTURE_CONTRAST);
    assert.deepEqual(faint, []);
  });
}

const background = (page: Page): Promise<string> =>
  page.evaluate(() => getComputedStyle(document.body).backgroundColor);

test('colours follow the system until somebody chooses', { skip }, async (t) => {
  const [record] = everything();
  assert.ok(record);
  const { page, faults } = await open(t, [record], { colorScheme: 'dark' });
  const dark = await background(page);
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await background(page);
  assert.notEqual(light, dark);
  await page.getByRole('button', { name: 'Dark colours' }).click();
  assert.equal(await background(page), dark);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('button', { name: 'Light colours' }).click();
  assert.equal(await background(page), light);
  assert.deepEqual(faults, []);
});

test('paper is light, has no controls, and no chart is cut', { skip }, async (t) => {
  const { page } = await open(t, everything(), { colorScheme: 'dark' });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await page.setViewportSize({ width: 680, height: 900 });
  assert.equal(await background(page), 'rgb(255, 255, 255)');
  for (const selector of ['nav', '.tools', '.told', 'figure details', 'header.page']) {
    assert.ok(!(await page.locator(selector).first().isVisible()), selector);
  }
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.uplot')].every((one) => one.clientWidth <= 640),
  );
  // A window that becomes wider meanwhile does not make the paper wider.
  await page.setViewportSize({ width: 1200, height: 900 });
  const widest = await page.evaluate(() => {
    dispatchEvent(new Event('resize'));
    return Math.max(...[...document.querySelectorAll('.uplot')].map((one) => one.clientWidth));
  });
  assert.ok(widest <= 640, `${widest}`);
  await page.setViewportSize({ width: 680, height: 900 });
  const steps = page.locator('.trace .scroll').first();
  assert.ok(await steps.evaluate((box) => box.scrollHeight <= box.clientHeight + 1));
  assert.ok((await page.pdf({ format: 'A4' })).length > 10_000);
});

test('100,000 points are drawn', { skip }, async (t) => {
  const { page, faults } = await open(t, [longReplay(100_000)]);
  const drawn = await page.waitForFunction(
    () => performance.getEntriesByName('slabsplice-drawn')[0]?.startTime,
  );
  const ms = Math.round(Number(await drawn.jsonValue()));
  t.diagnostic(`drawn ${ms} ms after the page was asked for`);
  assert.deepEqual(faults, []);
  const table = page.locator('figure details').first();
  await table.locator('summary').click();
  await table.locator('table').waitFor();
  assert.equal(await table.locator('tbody tr').count(), 200);
  await table.getByRole('button', { name: /more rows of 25000$/ }).click();
  assert.equal(await table.locator('tbody tr').count(), 400);
});
