/** What one can do with the small machine of a page, and with the schedules in it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { pageAssets } from '../../bench/page-assets.ts';
import { type ResultRecord, renderMachine, validateRecord } from '../../reports/index.ts';
import { runCli, temporaryFolder } from '../cli/run-cli.ts';
import { syntheticExplore } from '../reports/fixtures/synthetic-explore.ts';
import { openHtml, skipReason } from './browser.ts';

const skip = skipReason();

async function open(
  t: TestContext,
  records: readonly ResultRecord[] = [],
  options: BrowserContextOptions = {},
): Promise<{ page: Page; story: Locator; faults: string[] }> {
  const html = renderMachine(records, pageAssets());
  const { page, faults } = await openHtml(t, html, { reducedMotion: 'reduce', ...options });
  return { page, story: page.locator('.machine').first(), faults };
}

const numbers = (part: Locator): Promise<string[]> =>
  part.locator('.m-counters dd').allTextContents();
const caption = (part: Locator): Promise<string | null> => part.locator('.m-caption').textContent();

/** Pages that lie in the box of a cgroup, those of cgroups below it left out. */
function pagesIn(part: Locator, memcg: string): Promise<number> {
  return part.locator(`[data-name="${memcg}"] > .m-groups .m-page`).count();
}

test('the splice is played to its end: three caches, no page, nothing left behind', {
  skip,
}, async (t) => {
  const { story, faults } = await open(t);
  assert.deepEqual([await pagesIn(story, 'parent'), await pagesIn(story, 'child')], [2, 24]);
  const forward = story.getByRole('button', { name: 'one step forward' });
  let mostTouched = 0;
  while (!(await forward.isDisabled())) {
    await forward.click();
    const [rewritten] = await numbers(story);
    if (rewritten === '0 pages, 3 caches, 0 obj_cgroups') {
      if ((await caption(story))?.startsWith('References on child')) {
        assert.deepEqual([await pagesIn(story, 'parent'), await pagesIn(story, 'child')], [26, 0]);
      }
    }
    if (/^Cache \w+ of child is given/.test((await caption(story)) ?? '')) {
      mostTouched = Math.max(mostTouched, await story.locator('.m-figure .m-page.m-write').count());
    }
  }
  assert.equal(mostTouched, 0);
  assert.deepEqual(await numbers(story), ['0 pages, 3 caches, 0 obj_cgroups', '0', '0', '0 KiB']);
  assert.equal(await story.locator('.m-ghost').textContent(), 'child: freed');
  assert.deepEqual(faults, []);
});

test('a step back shows what was there before, by key and by button', { skip }, async (t) => {
  const { page, story, faults } = await open(t);
  const figure = story.locator('.m-figure');
  const place = (): Promise<string | null> => story.locator('.m-place').textContent();
  await figure.focus();
  const seen: (string | null)[] = [];
  const look = async () => `${await place()} ${await caption(story)} ${await figure.innerHTML()}`;
  for (let step = 0; step < 8; step++) {
    seen.push(await look());
    await page.keyboard.press('ArrowRight');
  }
  assert.equal(new Set(seen).size, seen.length);
  for (const was of seen.reverse()) {
    await page.keyboard.press('ArrowLeft');
    assert.equal(await look(), was);
  }
  await page.keyboard.press('End');
  const end = await look();
  await page.keyboard.press('Home');
  assert.equal((await place())?.split(' ')[0], '0');
  await story.getByRole('button', { name: 'to the last step' }).click();
  assert.equal(await look(), end);
  assert.deepEqual(faults, []);
});

test('it plays by itself until it is paused, and to the end', { skip }, async (t) => {
  const { page, story } = await open(t);
  await page.clock.install();
  await story.locator('.m-figure').focus();
  const before = await caption(story);
  await page.keyboard.press('Space');
  await story.getByRole('button', { name: 'pause', exact: true }).waitFor();
  await page.clock.runFor(3000);
  const shown = await caption(story);
  assert.notEqual(shown, before);
  await page.keyboard.press('Space');
  await page.clock.runFor(60_000);
  assert.equal(await caption(story), shown);
  await story.getByRole('button', { name: 'play', exact: true }).click();
  await page.clock.runFor(120_000);
  assert.ok(await story.getByRole('button', { name: 'one step forward' }).isDisabled());
  await story.getByRole('button', { name: 'play', exact: true }).waitFor();
});

test('page by page every page is rewritten, pinning leaves the cgroup, at any size', {
  skip,
}, async (t) => {
  const { story, faults } = await open(t);
  const card = (name: string): Promise<string | null> =>
    story.locator('.m-design', { hasText: name }).locator('.m-outcome').textContent();
  const size = story.getByRole('slider', { name: /more pages/ });
  for (const pages of [8, 64]) {
    await size.fill(String(pages));
    assert.equal(await card('list-pages'), `${pages} pages + 3 caches✓ cgroup freed`);
    assert.match((await card('scan-pages')) ?? '', new RegExp(`^${pages} pages .*rows read`));
    assert.equal(await card('splice-caches'), '3 caches✓ cgroup freed');
    assert.equal(await card('objcg'), '1 obj_cgroup✓ cgroup freed');
    assert.equal(await card('pin'), `nothing rewritten✗ 1 dying, ${4 * pages} KiB kept`);
  }
  await story.getByRole('radio', { name: 'pin' }).check();
  const forward = story.getByRole('button', { name: 'one step forward' });
  while (!(await caption(story))?.includes('is still there: dying')) await forward.click();
  assert.deepEqual(await numbers(story), ['0 pages, 0 caches, 0 obj_cgroups', '0', '1', '256 KiB']);
  assert.deepEqual(faults, []);
});

test('one works on the machine oneself, and is told what cannot be', { skip }, async (t) => {
  const { story, faults } = await open(t);
  await story.getByText('Work on the machine yourself').click();
  await story.getByRole('button', { name: 'start from an empty machine' }).click();
  await story.getByLabel('parent of the new cgroup').selectOption('parent');
  await story.getByRole('button', { name: 'create a cgroup' }).click();
  await story.getByLabel('cgroup to allocate in').selectOption('group-1');
  await story.getByLabel('pages to allocate').fill('3');
  await story.getByRole('button', { name: 'allocate', exact: true }).click();
  assert.equal(await pagesIn(story, 'group-1'), 3);
  await story.locator('.m-object:not(.m-free)[title]').first().click();
  assert.match((await caption(story)) ?? '', /^An object is freed. No page becomes empty/);
  await story.getByLabel('cgroup to remove').selectOption('group-1');
  await story.getByRole('button', { name: 'remove a cgroup' }).click();
  await story.getByRole('button', { name: 'to the last step' }).click();
  assert.equal(await pagesIn(story, 'parent'), 3);
  for (let more = 0; more < 5; more++) {
    await story.getByLabel('pages to allocate').fill('24');
    await story.getByRole('button', { name: 'allocate', exact: true }).click();
  }
  assert.match((await caption(story)) ?? '', /^Not possible: no slab rows are left/);
  assert.deepEqual(faults, []);
});

test('the page fits a narrow screen, in the dark too', { skip }, async (t) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await open(t, [], { viewport: { width: 360, height: 740 }, colorScheme });
    // A function as text: what it names exists in the page only.
    const over = 'document.documentElement.scrollWidth - innerWidth';
    assert.equal(await page.evaluate(over), 0);
  }
});

test('a schedule that explore found is played on its machine', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'd1.json');
  const { code, stderr } = await runCli(['explore', '--finding', 'D1', '--json', file], folder);
  assert.equal(code, 0, stderr);
  const record = validateRecord(JSON.parse(readFileSync(file, 'utf8')), file);
  const { page, faults } = await open(t, [record]);
  const schedule = page.locator('.machine').nth(1);
  assert.match((await schedule.locator('option').first().textContent()) ?? '', /^D1: /);
  assert.equal(await caption(schedule), 'Before the first step.');
  await schedule.getByRole('button', { name: 'to the last step' }).click();
  assert.equal(await caption(schedule), 'CPU 0: takes C.usage below zero: 0 -> -1');
  assert.match((await schedule.locator('[data-name=C]').textContent()) ?? '', /counter -1/);
  const marked = schedule.locator('tr[aria-current=step]');
  assert.match((await marked.textContent()) ?? '', /takes C.usage below zero/);
  await schedule.locator('tbody tr').first().click();
  assert.equal(await caption(schedule), 'CPU 1: C.flags: online -> online dying');
  assert.equal(await schedule.locator('[data-name=C] .m-state').textContent(), 'removed');
  assert.deepEqual(faults, []);
});

test('an older record of explore has nothing to play, and that is said', { skip }, async (t) => {
  const { page, faults } = await open(t, [syntheticExplore({ violations: 1 })]);
  const schedule = page.locator('.machine').nth(1);
  assert.match((await schedule.textContent()) ?? '', /^Of explore there is no schedule to play/);
  assert.deepEqual(faults, []);
});
