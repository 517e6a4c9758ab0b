import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Bars, HeatMap, Setting } from '../../reports/index.ts';
import { pickEvenly } from '../../reports/pick.ts';
import { renderBars } from '../../reports/terminal/bars.ts';
import { renderHeatMap } from '../../reports/terminal/heat-map.ts';
import { renderSettings } from '../../reports/terminal/settings.ts';
import { createStyles } from '../../reports/terminal/styles.ts';
import { stripStyle, visibleLength } from '../../reports/terminal/text.ts';

const plain = createStyles(false);
const colored = createStyles(true);

function bars(values: number[][]): Bars {
  return {
    parts: [
      { name: 'slab', mark: 's', background: true },
      { name: 'removed', mark: 'R', background: false },
    ],
    groups: [
      { title: 'pin', bars: values.map((one, at) => ({ label: `day ${at}`, values: one })) },
    ],
    format: String,
  };
}

test('bars are drawn to one scale, the longest as long as there is room', () => {
  assert.deepEqual(
    renderBars(
      bars([
        [10, 0],
        [10, 30],
      ]),
      29,
      plain,
    ),
    ['pin', 'day 0 10 sssss', `day 1 40 sssss${'R'.repeat(15)}`],
  );
});

test('law: a bar is as long as its parts together, and no line is too long', () => {
  const rows = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 30, max: 120 }), (values, width) => {
      const drawn = renderBars(bars(values), width, plain);
      const lengths = drawn.slice(1).map((line) => (/[sR]+$/.exec(line)?.[0] ?? '').length);
      const sums = values.map(([one, other]) => one + other);
      const longest = Math.max(...lengths);
      for (const [at, sum] of sums.entries()) {
        const exact = (sum / Math.max(1, ...sums)) * longest;
        assert.ok(Math.abs((lengths[at] ?? 0) - exact) <= 0.51, drawn.join('\n'));
      }
      for (const line of drawn) assert.ok(visibleLength(line) <= width, line);
      const painted = renderBars(bars(values), width, colored);
      assert.deepEqual(painted.map(stripStyle), drawn);
    }),
  );
});

test('the background of a bar is quiet, the rest is not', () => {
  const [, line = ''] = renderBars(bars([[10, 30]]), 29, colored);
  assert.ok(line.includes(colored.quiet('sssss')), JSON.stringify(line));
  assert.ok(line.includes(colored.tone('warn')('R'.repeat(15))), JSON.stringify(line));
});

function map(
  across: number[],
  down: number[],
  of: (x: number, y: number) => number | null,
): HeatMap {
  const values = down.map((y) => across.map((x) => of(x, y)));
  return {
    across: { title: 'rate', values: across },
    down: { title: 'files', values: down },
    maps: [{ title: 'pin', color: 0, values }],
    format: (value) => value.toFixed(0),
  };
}

test('a heat map shows figures where they fit, and shades', () => {
  assert.deepEqual(
    renderHeatMap(
      map([1, 2], [20, 10], (x, y) => (x === 2 && y === 20 ? null : x * y)),
      30,
      plain,
    ),
    [
      'pin',
      '20        20 ██          ??',
      '10        10 ▒▒       20 ██',
      '              1           2',
      'across: rate; down: files',
      '· to 4 ░ to 8 ▒ to 12 ▓ to 16',
      '█ to 20',
      '? not simulated',
    ],
  );
});

test('a heat map with many columns has shades only, and never more lines or columns than fit', () => {
  const many = Array.from({ length: 100 }, (_, at) => at + 1);
  const drawn = renderHeatMap(
    map(many, many, (x) => x),
    60,
    plain,
  );
  for (const line of drawn) assert.ok(visibleLength(line) <= 60, line);
  const rows = drawn.filter((line) => line.includes('█') && !line.includes(' to '));
  assert.equal(rows.length, 24);
  for (const row of rows) assert.match(row, /^ *\d+ ·+░+▒+▓+█+$/);
  assert.match(drawn.join('\n'), /the record has what lies between/);
  const whole = renderHeatMap(
    map([1, 2], [1, 2], (x) => x),
    60,
    plain,
  );
  assert.doesNotMatch(whole.join('\n'), /lies between|not simulated/);
});

test('law: a higher figure never has a lighter shade', () => {
  const figures = fc.array(fc.nat(10_000), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(figures, (values) => {
      const columns = values.map((_, at) => at);
      const drawn = renderHeatMap(
        map(columns, [1], (x) => values[x] ?? 0),
        46,
        plain,
      );
      const line = [...(drawn[1] ?? '')].slice(2);
      const cell = line.length / values.length;
      const depth = values.map((_, at) =>
        '·░▒▓█'.indexOf(line[Math.ceil((at + 1) * cell) - 1] ?? ''),
      );
      for (const [at, value] of values.entries()) {
        for (const [other, smaller] of values.entries()) {
          if (value > smaller) assert.ok((depth[at] ?? 0) >= (depth[other] ?? 0), drawn.join('\n'));
        }
      }
    }),
  );
});

function setting(at: number, usual = false, from = 'a reason'): Setting {
  return { key: `host.k${at}`, value: String(at), from, usual };
}

test('settings show what was chosen and count the rest', () => {
  const long = 'words that go on and on until they need a line more';
  assert.deepEqual(
    renderSettings([setting(1), setting(2, true), setting(3, false, long)], 44, plain),
    [
      'host.k1  1  a reason',
      'host.k3  3  words that go on and on until',
      '            they need a line more',
      'Not shown: 1 that are as usual; the record',
      'and Markdown have them.',
    ],
  );
});

test('with many settings reasons are cut, with more of them some are counted', () => {
  const long = 'words that go on and on until they need a line more';
  const lines = (count: number): string[] =>
    renderSettings(
      Array.from({ length: count }, (_, at) => setting(at, false, long)),
      44,
      plain,
    );
  assert.equal(lines(20).length, 40);
  assert.match(lines(21)[0] ?? '', /^host\.k0 +0 {2}words that go on and on until~$/);
  assert.equal(lines(21).length, 21);
  assert.equal(lines(40).length, 40);
  assert.equal(lines(43).length, 42);
  assert.match(lines(43).slice(40).join(' '), /^Not shown: 3 more; the record/);
});

test('places are picked evenly, with both ends', () => {
  assert.deepEqual(pickEvenly(3, 8), [0, 1, 2]);
  assert.deepEqual(pickEvenly(8, 3), [0, 4, 7]);
  assert.deepEqual(pickEvenly(169, 4), [0, 56, 112, 168]);
});
