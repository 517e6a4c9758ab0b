import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conclude } from '../../bench/host/probe.ts';
import {
  type ResultRecord,
  recordSchema,
  renderMarkdown,
  renderTerminal,
} from '../../reports/index.ts';
import type { HostResults } from '../../reports/results-host.ts';
import { stripStyle, visibleLength } from '../../reports/terminal/text.ts';
import { smallRecords } from '../reports/fixtures/small-records.ts';
import { matchesFile } from '../reports/golden-file.ts';
import { hostileHost, steadyLook } from './support.ts';

const [sample] = smallRecords();

function recordOf(results: HostResults): ResultRecord {
  const record = {
    ...sample,
    command: 'host',
    checks: [],
    parameters: {},
    complete: true,
    results,
  };
  return recordSchema.parse(structuredClone(record));
}

/** Everything that a record may hold at once. */
async function full(): Promise<HostResults> {
  const results = await steadyLook('v2-6.12');
  const dying = [0, 40, 90, 140, 190, 230, 260, 280];
  const readings = [0, 60, 120, 180].map((t) => ({ t, live: 5, dying: 140 + t / 10 }));
  return {
    ...conclude(results, null, readings),
    listed: [{ inode: 4711, filePages: 12, swapBackedPages: 3 }],
    traced: { seconds: 30, made: 9, removed: 8, released: 5, releaseMs: [60, 80, 2100] },
    simulated: {
      days: [0, 1, 2, 3, 4, 5, 6, 7],
      series: [
        { strategy: 'pin', dying, heldBytes: dying.map((one) => one * 1e5) },
        {
          strategy: 'splice-caches',
          dying: dying.map((one) => one / 2),
          heldBytes: dying.map((one) => one * 2e4),
        },
      ],
      from: [
        { key: 'host.cpus', value: 4, from: 'possible CPUs' },
        { key: 'files.count', value: 5000, from: 'not known of this host: as in scenario timers' },
      ],
    },
  };
}

const looks: [name: string, results: HostResults][] = [
  ...(await Promise.all(
    ['v1-6.18', 'v2-6.12', 'v1-3.10-ids', 'container-v1', 'empty'].map(
      async (name): Promise<[string, HostResults]> => [name, await steadyLook(name)],
    ),
  )),
  ['hostile', await steadyLook('hostile', hostileHost())],
  ['full', await full()],
];

for (const [name, results] of looks) {
  test(`host ${name}: the page at 80 and 120 columns`, () => {
    for (const width of [80, 120]) {
      const page = renderTerminal(recordOf(results), { width, color: false });
      matchesFile(`test/host/golden/${name}-${width}.txt`, page);
    }
  });

  test(`host ${name}: colour only adds to the page`, () => {
    const page = (color: boolean) => renderTerminal(recordOf(results), { width: 80, color });
    assert.equal(stripStyle(page(true)), page(false));
    if (name === 'full') matchesFile('test/host/golden/full-80-color.txt', page(true));
  });

  test(`host ${name}: the Markdown page, and no line too long at any width`, () => {
    matchesFile(`test/host/golden/${name}.md.txt`, renderMarkdown(recordOf(results)));
    for (const width of [40, 79, 100, 200]) {
      for (const line of renderTerminal(recordOf(results), { width, color: false }).split('\n')) {
        assert.ok(visibleLength(line) <= width, line);
      }
    }
  });
}
