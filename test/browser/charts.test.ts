/** What one can do with the charts and schedules of an HTML page. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { leakRecord } from '../reports/fixtures/leak-record.ts';
import { syntheticCompare } from '../reports/fixtures/synthetic-compare.ts';
import { syntheticExplore } from '../reports/fixtures/synthetic-explore.ts';
import { open, skipReason } from './browser.ts';

const skip = skipReason();

/** What is drawn at present. */
function picture(figure: Locator): Promise<string> {
  return figure.locator('canvas').evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

/** Waits until something else is drawn. */
async function redrawn(figure: Locator, before: string): Promise<string> {
  const canvas = await figure.locator('canvas').elementHandle();
  await figure
    .page()
    .waitForFunction(([drawn, was]) => (drawn as HTMLCanvasElement).toDataURL() !== was, [
      canvas,
      before,
    ] as const);
  return picture(figure);
}

/** Drags over a part of the plot, given as shares of its size. */
async function drag(page: Page, figure: Locator, from: number, to: number): Promise<void> {
  const box = await figure.locator('.u-over').boundingBox();
  assert.ok(box);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + from * box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + to * box.width, y, { steps: 5 });
  await page.mouse.up();
}

test('a chart is zoomed by dragging, and shows all again in three ways', { skip }, async (t) => {
  const { page, faults } = await open(t, [syntheticCompare()]);
  const figure = page.locator('[data-chart]').first();
  await figure.scrollIntoViewIfNeeded();
  const all = figure.getByRole('button', { name: 'Show all' });
  const whole = await picture(figure);
  const resets = [
    () => all.click(),
    () => figure.locator('.plot').press('Escape'),
    () => figure.locator('.u-over').dblclick(),
  ];
  for (const reset of resets) {
    assert.ok(await all.isDisabled());
    await drag(page, figure, 0.3, 0.6);
    const near = await redrawn(figure, whole);
    assert.ok(await all.isEnabled());
    await reset();
    await redrawn(figure, near);
    assert.ok(await all.isDisabled());
  }
  assert.deepEqual(faults, []);
});

test('the legend shows the values under the cursor, as the page shows them', {
  skip,
}, async (t) => {
  const { page } = await open(t, [leakRecord()]);
  const figure = page.locator('[data-chart]').first();
  await figure.scrollIntoViewIfNeeded();
  const value = figure.locator('.legend .value').first();
  assert.equal(await value.textContent(), '');
  await figure.locator('.u-over').hover();
  assert.match((await value.textContent()) ?? '', /^[\d,.]+ \([\d,.]+ to [\d,.]+\)$/);
  assert.match((await figure.locator('.where').textContent()) ?? '', /^at [\d.]+ days$/);
});

test('a strategy is hidden with the keyboard and comes back', { skip }, async (t) => {
  const { page } = await open(t, [syntheticCompare()]);
  const figure = page.locator('[data-chart]').first();
  const whole = await picture(figure);
  const toggle = figure.getByRole('button', { name: 'list-pages' });
  await toggle.press('Space');
  assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
  const less = await redrawn(figure, whole);
  await toggle.press('Enter');
  assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
  await redrawn(figure, less);
});

test('axes are logarithmic or not, and what is hidden stays hidden', { skip }, async (t) => {
  const { page, faults } = await open(t, [syntheticCompare()]);
  const figure = page.locator('[data-chart]').first();
  await figure.getByRole('button', { name: 'list-pages' }).click();
  const before = await picture(figure);
  for (const name of ['Log values', 'Log pages charged']) {
    const axis = figure.getByRole('button', { name });
    assert.equal(await axis.getAttribute('aria-pressed'), 'true');
    await axis.click();
    assert.equal(await axis.getAttribute('aria-pressed'), 'false');
  }
  await redrawn(figure, before);
  await figure.locator('.u-over').hover();
  const hidden = figure.locator('li', { has: page.getByRole('button', { name: 'list-pages' }) });
  assert.equal(await hidden.locator('.value').textContent(), '');
  assert.deepEqual(faults, []);
});

test('a chart is read and zoomed with keys alone', { skip }, async (t) => {
  const { page } = await open(t, [syntheticCompare()]);
  const figure = page.locator('[data-chart]').first();
  const plot = figure.locator('.plot');
  const heard = figure.locator('[aria-live]');
  await plot.press('ArrowRight');
  const first = await heard.textContent();
  assert.match(first ?? '', /^at [\d,]+ pages charged: .*splice-caches [\d.]+ \w/);
  await plot.press('ArrowRight');
  assert.notEqual(await heard.textContent(), first);
  await plot.press('End');
  const last = await heard.textContent();
  await plot.press('ArrowRight');
  assert.equal(await heard.textContent(), last);
  const whole = await picture(figure);
  await plot.press('+');
  await redrawn(figure, whole);
  assert.ok(await figure.getByRole('button', { name: 'Show all' }).isEnabled());
});

test('the same strategy looks the same in every chart', { skip }, async (t) => {
  const { page } = await open(t, [syntheticCompare(), leakRecord()]);
  const looks = await page
    .locator('.legend button', { hasText: /^(pin|splice-caches)$/ })
    .evaluateAll((all) =>
      all.map((one) => [one.textContent, one.querySelector('svg')?.outerHTML] as const),
    );
  const pins = looks.filter(([name]) => name === 'pin').map(([, look]) => look);
  assert.ok(pins.length > 1);
  assert.equal(new Set(pins).size, 1);
  assert.ok(looks.some(([name]) => name === 'splice-caches'));
  for (const [name, look] of looks) if (name !== 'pin') assert.notEqual(look, pins[0]);
});

test('parts of bars are hidden, and the others get their room', { skip }, async (t) => {
  const { page } = await open(t, [leakRecord()]);
  const figure = page.locator('[data-bars]');
  const lengths = (): Promise<(string | null)[]> =>
    figure
      .locator('.part-3 rect')
      .evaluateAll((all) => all.map((one) => one.getAttribute('width')));
  const before = await lengths();
  const toggle = figure.getByRole('button', { name: 'page cache, dying' });
  await toggle.press('Enter');
  assert.equal(await toggle.getAttribute('aria-pressed'), 'false');
  assert.equal(await figure.locator('.rows .part-7').count(), 0);
  assert.notDeepEqual(await lengths(), before);
  await toggle.press('Enter');
  assert.deepEqual(await lengths(), before);
});

test('a schedule is stepped through', { skip }, async (t) => {
  const { page, faults } = await open(t, [
    syntheticExplore({ strategies: ['splice-caches'], violations: 1 }),
  ]);
  const trace = page.locator('[data-trace]').first();
  const rows = trace.locator('tr[data-step]');
  const steps = await rows.count();
  const at = async (): Promise<number> =>
    Number(await trace.locator('[aria-current=step]').getAttribute('data-step'));
  const slider = trace.getByRole('slider', { name: 'Step' });
  assert.equal(await at(), 0);
  await trace.getByRole('button', { name: 'Next', exact: true }).click();
  assert.equal(await at(), 1);
  await trace.locator('.scroll').press('ArrowDown');
  assert.equal(await at(), 2);
  await trace.locator('.scroll').press('ArrowLeft');
  assert.equal(await at(), 1);
  await slider.press('ArrowRight');
  assert.equal(await at(), 2);
  await trace.locator('.scroll').press('End');
  assert.equal(await at(), steps - 1);
  assert.ok(await trace.getByRole('button', { name: 'Next', exact: true }).isDisabled());
  assert.equal(await slider.inputValue(), String(steps));
  await trace.locator('.scroll').press('Home');
  await trace.getByRole('button', { name: 'Next switch' }).click();
  const marked = trace.locator(
    'tr.switch + tr[aria-current], tr.switch + .skipped + tr[aria-current]',
  );
  assert.equal(await marked.count(), 1);
  assert.match((await trace.locator('.told').textContent()) ?? '', /^Step \d+ of \d+\. CPU \d: \S/);
  assert.deepEqual(faults, []);
});

test('a schedule plays by itself until it is stopped or over', { skip }, async (t) => {
  const { page } = await open(t, [
    syntheticExplore({ strategies: ['splice-caches'], violations: 1 }),
  ]);
  await page.clock.install();
  const trace = page.locator('[data-trace]').first();
  const steps = await trace.locator('tr[data-step]').count();
  const at = (): Promise<string | null> =>
    trace.locator('[aria-current=step]').getAttribute('data-step');
  await trace.getByRole('button', { name: 'Play' }).click();
  await page.clock.runFor(1000);
  assert.equal(await at(), '1');
  await trace.getByRole('button', { name: 'Pause' }).click();
  await page.clock.runFor(5000);
  assert.equal(await at(), '1');
  await trace.getByRole('button', { name: 'Play' }).click();
  await page.clock.runFor(1000 * steps);
  assert.equal(await at(), String(steps - 1));
  assert.ok(await trace.getByRole('button', { name: 'Play' }).isVisible());
});
