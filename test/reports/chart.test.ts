import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Chart, formatNs, renderChart } from '../../reports/index.ts';
import { lettersFor } from '../../reports/terminal/chart.ts';
import { linearRows } from '../../reports/terminal/chart-axes.ts';
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

test('a linear y axis begins at 0, has round labels and shows zeros', () => {
  const days = [0, 360, 630, 860, 1070, 1220, 1360, 1480];
  const drawn = renderChart(
    { ...linear({ pin: days.map((y, x): [number, number] => [x, y]) }), yAxis: 'linear' },
    { width: 60, height: 12 },
  );
  const labels = drawn.flatMap((line) => /^(.*\S) ┤/.exec(line)?.[1]?.trim() ?? []);
  assert.deepEqual(labels, ['1.5 us', '1.25 us', '1 us', '0.75 us', '0.5 us', '0.25 us', '0 ns']);
  assert.match(drawn.find((line) => / 0 ns ┤/.test(line)) ?? '', /┤P/);
  assert.match(drawn[0] ?? '', /─$/);
});

test('law: a linear axis reaches the highest value, wastes less than half, and stays in its rows', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-3, max: 1e12, noNaN: true }),
      fc.integer({ min: 4, max: 20 }),
      (high, height) => {
        const { scale, rows, labels } = linearRows([0, high], height, String);
        assert.ok(rows <= height && rows >= height / 2, `${rows} of ${height}`);
        assert.equal(labels.length, rows + 1);
        const top = high * scale.perUnit;
        assert.ok(top <= rows + 1e-6 && top >= rows / 2.6, `${top} of ${rows}`);
        assert.equal(labels.at(-1), '0');
        assert.equal(Number(labels[0]), Number((rows / scale.perUnit).toPrecision(6)));
      },
    ),
  );
});

const banded: Chart = {
  ...linear({}),
  yAxis: 'linear',
  bandTitle: 'most of them',
  series: [
    {
      name: 'wide',
      points: [
        { x: 0, y: 50 },
        { x: 10, y: 50 },
      ],
      band: [
        { x: 0, low: 50, high: 50 },
        { x: 10, low: 0, high: 100 },
      ],
    },
    {
      name: 'seen',
      mark: '●',
      color: 4,
      points: [
        { x: 5, y: 90 },
        { x: 10, y: 50 },
      ],
    },
  ],
};

test('a band lies behind its line and is left out where it is narrower than half a row', () => {
  const drawn = renderChart(banded, { width: 50, height: 10 });
  const rows = drawn.filter((line) => /[│┤]/.test(line)).map((line) => line.replace(/^.*[│┤]/, ''));
  const shades = rows.map((line) => [...line].filter((mark) => mark === '░').length);
  assert.ok((shades[0] ?? 0) >= 1 && (shades[0] ?? 0) < (shades[3] ?? 0), drawn.join('\n'));
  // The line hides the middle of the band.
  assert.equal(shades[5], 0);
  assert.match(rows[5] ?? '', /^W─{14}W/);
  assert.ok(
    rows.every((line) => !/^░/.test(line)),
    'no band where it has no width',
  );
  assert.match(drawn.at(-1) ?? '', /W wide {3}● seen {3}░ most of them {3}across: ms/);
  const plain = renderChart(
    { ...banded, series: banded.series.map(({ band: _, ...rest }) => rest) },
    { width: 50, height: 10 },
  );
  assert.doesNotMatch(plain.join(), /░|most of them/);
  const shaded = (low: number, high: number): boolean => {
    const [wide] = banded.series;
    const band = [0, 10].map((x) => ({ x, low, high }));
    const series = wide === undefined ? [] : [{ ...wide, band }];
    return renderChart({ ...banded, series }, { width: 50, height: 10 })
      .join()
      .includes('░');
  };
  // A row is five of them, so one is too little to be seen.
  assert.deepEqual([shaded(20, 21), shaded(20, 24)], [false, true]);
});

test('points with a mark stand alone, over lines, in the colour they are given', () => {
  const painted: [string, number][] = [];
  const paint = (text: string, index: number): string => {
    painted.push([text, index]);
    return text;
  };
  const drawn = renderChart(banded, { width: 50, height: 10, paint });
  const rows = drawn.filter((line) => /[│┤]/.test(line));
  assert.equal(rows.join('').match(/●/g)?.length, 2);
  assert.match(rows[5] ?? '', /●$/);
  // Neither joined by a line nor given a letter.
  assert.doesNotMatch(rows.join(''), /S/);
  assert.match(rows[1] ?? '', /[ ░]●[ ░]/);
  assert.ok(painted.some(([text, index]) => text === '●' && index === 4));
  assert.ok(painted.every(([text, index]) => !text.includes('●') || index === 4));
});

test('a legend that is too long goes on below', () => {
  const name = 'scan-pages, list-pages and splice-caches, all the same';
  const drawn = renderChart(linear({ [name]: [[0, 5]] }), { width: 40 });
  for (const line of drawn) assert.ok(visibleLength(line) <= 40, line);
  assert.match(drawn.join('\n'), /^S scan-pages, .*\n {2}\S.*same/m);
});

test('a line between few points shows its letter, wherever they are', () => {
  for (const at of [0, 1, 2, 3, 4]) {
    const lines = Array.from({ length: 5 }, (_, place): [string, [number, number][]] => [
      `${'abcde'[place]}`,
      place === at
        ? [
            [4, 100],
            [4.2, 100],
          ]
        : [
            [0, 10 ** (place + 3)],
            [20, 10 ** (place + 3)],
          ],
    ]);
    const drawn = renderChart(linear(Object.fromEntries(lines)), { width: 60, height: 10 });
    const body = drawn.filter((line) => /[│┤]/.test(line)).join('\n');
    assert.ok(body.includes('ABCDE'[at] ?? '?'), drawn.join('\n'));
  }
});
