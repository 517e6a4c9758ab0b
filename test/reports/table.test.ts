import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Table } from '../../reports/pages/page.ts';
import { createStyles } from '../../reports/terminal/styles.ts';
import { renderTable } from '../../reports/terminal/table.ts';
import {
  printable,
  stripStyle,
  truncate,
  visibleLength,
  wrap,
} from '../../reports/terminal/text.ts';

const plain = createStyles(false);

const table: Table = {
  columns: ['pin', 'list-pages'],
  rows: [
    {
      label: '1,000 pages',
      cells: [
        { text: '52 ns', detail: '50-55' },
        { text: '10.1 us', detail: '9.9-10.2' },
      ],
    },
    {
      label: 'cold',
      brief: true,
      cells: [{ text: '0.4 us', detail: '0.35-0.41' }, { text: '-' }],
    },
  ],
};

test('details stand beside their figures where there is room', () => {
  assert.deepEqual(renderTable(table, 60, plain), [
    '                          pin        list-pages',
    '1,000 pages   52 ns 50-55      10.1 us 9.9-10.2',
    'cold         0.4 us 0.35-0.41        -',
  ]);
});

test('details go below where there is not, those of brief rows go away', () => {
  assert.deepEqual(renderTable(table, 40, plain), [
    '                pin  list-pages',
    '1,000 pages   52 ns     10.1 us',
    '              50-55    9.9-10.2',
    'cold         0.4 us           -',
  ]);
});

test('columns that do not fit go into further blocks', () => {
  assert.deepEqual(renderTable(table, 24, plain), [
    '             pin',
    '1,000 p~   52 ns',
    '           50-55',
    'cold      0.4 us',
    '          list-pages',
    '1,000 p~     10.1 us',
    '            9.9-10.2',
    'cold               -',
  ]);
});

test('a row with too few cells is filled up, a table without columns shows its labels', () => {
  const short: Table = { columns: ['a', 'b'], rows: [{ label: 'x', cells: [{ text: '1' }] }] };
  assert.deepEqual(renderTable(short, 40, plain), ['   a  b', 'x  1']);
  assert.deepEqual(renderTable({ columns: [], rows: [] }, 40, plain), []);
});

test('labels that are phrases go on below where they do not fit, and take room that is left', () => {
  const phrases: Table = {
    ...{ columns: ['found'], wrapLabels: true },
    rows: [
      { label: 'M04 switch of the reference pending at exit', cells: [{ text: 'yes' }] },
      { label: 'M08 lock', cells: [{ text: 'NO' }] },
    ],
  };
  assert.deepEqual(renderTable(phrases, 40, plain), [
    '                                   found',
    'M04 switch of the reference          yes',
    '  pending at exit',
    'M08 lock                              NO',
  ]);
  assert.equal(
    renderTable(phrases, 60, plain)[1],
    'M04 switch of the reference pending at exit    yes',
  );
  const wide: Table = { ...phrases, columns: ['a column of figures'] };
  const [heading = '', ...rows] = renderTable(wide, 40, plain);
  assert.equal(heading.length, 40);
  assert.deepEqual(
    rows.slice(0, 3).map((line) => line.slice(0, 19).trimEnd()),
    ['M04 switch of the', '  reference pending', '  at exit'],
  );
  const { wrapLabels: _, ...cut } = phrases;
  assert.match(renderTable(cut, 60, plain)[1] ?? '', /^M04 switch of the r~ /);
});

test('a label that fits is left alone, however short', () => {
  const short: Table = {
    ...{ columns: ['found'], wrapLabels: true },
    rows: [{ label: 'D1', cells: [{ text: 'yes' }] }],
  };
  assert.deepEqual(renderTable(short, 40, plain), ['    found', 'D1    yes']);
});

test('details of brief rows go away before phrases become pillars of short lines', () => {
  const cells = ['52 ns', '10 us', '7 ms'].map((text) => ({ text, detail: '0.35-0.41' }));
  const phrases: Table = {
    ...{ columns: ['pin', 'objcg', 'list-pages'], wrapLabels: true },
    rows: [{ label: 'destroy root cache + look-up', brief: true, cells }],
  };
  assert.deepEqual(renderTable(phrases, 70, plain), [
    '                                pin  objcg  list-pages',
    'destroy root cache + look-up  52 ns  10 us        7 ms',
  ]);
  assert.match(renderTable(phrases, 100, plain)[1] ?? '', / 52 ns 0\.35-0\.41 /);
});

const cell = fc.record(
  { text: fc.stringMatching(/^[0-9a-z .]{0,9}$/), detail: fc.stringMatching(/^[0-9-]{0,9}$/) },
  { requiredKeys: ['text'] },
);
const tables = fc.record({
  columns: fc.array(fc.stringMatching(/^[a-z-]{1,13}$/), { maxLength: 7 }),
  rows: fc.array(
    fc.record({ label: fc.stringMatching(/^[a-z0-9 ,]{0,30}$/), cells: fc.array(cell) }),
    { maxLength: 5 },
  ),
});

test('law: no line is longer than the width, and colour changes nothing but colour', () => {
  fc.assert(
    fc.property(tables, fc.integer({ min: 40, max: 130 }), (any, width) => {
      const lines = renderTable(any, width, plain);
      for (const line of lines) assert.ok(visibleLength(line) <= width, `${width}: ${line}`);
      const colored = renderTable(any, width, createStyles(true));
      assert.deepEqual(
        colored.map((line) => stripStyle(line).trimEnd()),
        lines,
      );
    }),
  );
});

test('law: wrapped text keeps its words in order and its width', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z.,]{1,20}$/), { maxLength: 30 }),
      fc.integer({ min: 22, max: 90 }),
      (words, width) => {
        const lines = wrap(words.join(' '), width, '  ');
        for (const line of lines) assert.ok(line.length <= width);
        assert.deepEqual(lines.join(' ').split(/\s+/).filter(Boolean), words);
      },
    ),
  );
});

test('words longer than a line are broken, text from a file cannot steer the terminal', () => {
  assert.deepEqual(wrap('a'.repeat(25), 10), ['a'.repeat(10), 'a'.repeat(10), 'a'.repeat(5)]);
  assert.equal(printable('a\u001b[2Jb\u009b31mc\r\nd'), 'a [2Jb 31mc d');
  assert.equal(truncate('abcdef', 4), 'abc~');
  assert.equal(visibleLength('\u001b[1mab\u001b[22m'), 2);
});
