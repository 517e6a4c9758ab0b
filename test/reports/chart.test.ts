import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Chart, formatNs, renderChart } from '../../reports/index.ts';
import { lettersFor } from '../../reports/terminal/chart.ts';
import { createStyles } from '../../reports/terminal/styles.ts';
import { stripStyle, visibleLength } from '../../reports/terminal/text.ts';

function chart(series: Record<string, [number, number][]>): Chart {
  return {
    series: Object.entries(series).map(([name, points]) => ({
      name,
      points: points.map(([x, y]) => ({ x, y })),
    })),
    xTitle: 'pages',
    formatY: formatNs,
  };
}

test('a chart is a pure function from numbers to lines', () => {
  const drawn = renderChart(
    chart({
      'list-pages': [
        [1e3, 1e4],
        [1e4, 1e5],
        [1e5, 1e6],
      ],
      'splice-caches': [
        [1e3, 500],
        [1e5, 500],
      ],
    }),
    { width: 50, height: 8 },
  );
  assert.deepEqual(drawn, [
    '  1 ms ┤                                   ╭─────L',
    '       │                         ╭─────────╯',
    '100 us ┤               ╭─────L───╯',
    '       │     ╭─────────╯',
    ' 10 us ┤L────╯',
    '       │',
    '  1 us ┤',
    '       │S────────────────────────────────────────S',
    '0.1 us ┤',
    '       └┴────────────────────┴───────────────────┴',
    '        1e3                 1e4                1e5',
    'L list-pages   S splice-caches   across: pages',
  ]);
});

test('a series in between keeps its own columns', () => {
  const drawn = renderChart(
    chart({
      wide: [
        [10, 100],
        [1000, 100],
      ],
      inner: [
        [100, 1000],
        [1000, 1000],
      ],
    }),
    { width: 40, height: 2 },
  );
  // 40 columns less a label of 6 and the axis leave 32; 100 is half way between 10 and 1000.
  assert.equal(drawn[0], `  1 us ┤${' '.repeat(16)}I${'─'.repeat(14)}I`);
  assert.equal(drawn[2], `0.1 us ┤W${'─'.repeat(30)}W`);
});

test('one point, one size, and points on one spot are drawn', () => {
  const single = renderChart(chart({ only: [[1e6, 2e6]] }), { width: 40 }).join('\n');
  assert.match(single, /O/);
  assert.match(single, /1e6/);
  const both = renderChart(chart({ a: [[10, 10]], b: [[10, 10]] }), { width: 40 }).join('\n');
  assert.match(both, /\* several/);
});

test('nothing to draw is said in one line', () => {
  for (const series of [{}, { none: [] }, { zero: [[0, 5]], bad: [[5, Number.NaN]] }]) {
    const drawn = renderChart(chart(series as Record<string, [number, number][]>), { width: 80 });
    assert.deepEqual(drawn, ['(nothing to draw: no measured point)']);
  }
});

test('sizes inside one decade are labelled by themselves', () => {
  const drawn = renderChart(
    chart({
      a: [
        [2000, 5],
        [5000, 6],
      ],
    }),
    { width: 60 },
  ).join('\n');
  assert.match(drawn, /2e3.*5e3/);
});

test('every series gets a letter of its own', () => {
  const names = ['pin', 'scan-pages', 'list-pages', 'splice-caches', 'objcg'];
  assert.deepEqual(lettersFor(names), ['P', 'S', 'L', 'C', 'O']);
  const many = lettersFor(Array.from({ length: 36 }, (_, index) => `s${index}`));
  assert.equal(new Set(many).size, 36);
});

const anything = fc.oneof(
  fc.double({ min: 1e-6, max: 1e18, noNaN: true }),
  fc.constantFrom(Number.NaN, 0, -5, Number.POSITIVE_INFINITY, 1, 1000),
);
const charts = fc
  .dictionary(fc.stringMatching(/^[a-z-]{1,14}$/), fc.array(fc.tuple(anything, anything)), {
    maxKeys: 6,
  })
  .map(chart);

test('law: it never throws, keeps the width, has a known height, and colour adds only colour', () => {
  const styles = createStyles(true);
  const paint = (text: string, index: number): string => styles.line(index)(text);
  fc.assert(
    fc.property(charts, fc.integer({ min: 45, max: 140 }), (any, width) => {
      const lines = renderChart(any, { width, height: 10 });
      for (const line of lines) assert.ok(visibleLength(line) <= width, line);
      if (lines.length > 1) {
        const rows = lines.findIndex((line) => line.includes('└'));
        assert.ok(rows >= 6 && rows <= 11, `${rows} rows`);
      }
      const colored = renderChart(any, { width, height: 10, paint });
      assert.deepEqual(
        colored.map((line) => stripStyle(line).trimEnd()),
        lines,
      );
    }),
  );
});

function linear(series: Record<string, [number, number][]>): Chart {
  return { ...chart(series), xAxis: 'linear', xTitle: 'ms' };
}

test('on a linear axis negative values are drawn, with round ticks', () => {
  const drawn = renderChart(
    linear({
      wait: Array.from({ length: 60 }, (_, at): [number, number] => [at / 10 - 2, 100 + at]),
    }),
    { width: 60, height: 4 },
  );
  const ticks = drawn.at(-2)?.trim().split(/\s+/);
  assert.deepEqual(ticks, ['-2', '0', '2']);
  assert.match(drawn.at(-1) ?? '', /^W wait {3}across: ms$/);
  const dropped = renderChart(
    chart({
      wait: [
        [-1, 100],
        [0, 100],
      ],
    }),
    { width: 60, height: 4 },
  );
  assert.deepEqual(dropped, ['(nothing to draw: no measured point)']);
});

test('a peak between two columns is not lost', () => {
  for (let peak = 490; peak < 510; peak++) {
    const points = Array.from({ length: 1000 }, (_, at): [number, number] => [at, 100]);
    points[peak] = [peak, 1e6];
    const drawn = renderChart(linear({ wait: points }), { width: 60, height: 6 });
    assert.match(drawn[0] ?? '', /1 ms ┤ +[╭╮W]/, drawn.join('\n'));
  }
});

test('letters of densely sampled lines stand in columns of their own', () => {
  const line = (ns: number) => Array.from({ length: 200 }, (_, at): [number, number] => [at, ns]);
  const drawn = renderChart(linear({ one: line(1e3), two: line(1e4), six: line(1e5) }), {
    width: 80,
    height: 6,
  });
  const columns = (letter: string): number[] =>
    drawn
      .filter((text) => /[│┤]/.test(text))
      .flatMap((text) => [...text].flatMap((mark, at) => (mark === letter ? [at] : [])));
  const [one, two, six] = ['O', 'T', 'S'].map(columns);
  assert.ok(one !== undefined && two !== undefined && six !== undefined);
  for (const list of [one, two, six]) assert.ok(list.length >= 4, drawn.join('\n'));
  assert.equal(new Set([...one, ...two, ...six]).size, one.length + two.length + six.length);
});
