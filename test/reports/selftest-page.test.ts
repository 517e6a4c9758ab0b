/** The views of `selftest`: valid KTAP at any width, a table in Markdown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMarkdown, renderTerminal, validateRecord } from '../../reports/index.ts';
import { stripStyle, visibleLength } from '../../reports/terminal/text.ts';
import { parseKtap } from '../selftest/ktap-parser.ts';
import { syntheticSelftest } from './fixtures/synthetic-selftest.ts';
import { matchesFile } from './golden-file.ts';

const RECORDS = {
  selftest: syntheticSelftest(),
  'selftest-wrong': syntheticSelftest({ wrong: true }),
  'selftest-cut-short': syntheticSelftest({ complete: false }),
};

for (const [name, record] of Object.entries(RECORDS)) {
  for (const width of [80, 120]) {
    test(`${name}: KTAP at ${width} columns`, () => {
      const path = `test/reports/golden/${name}-${width}.txt`;
      matchesFile(path, renderTerminal(record, { width, color: false }));
    });
  }

  test(`${name}: the Markdown page`, () => {
    matchesFile(`test/reports/golden/${name}.md.txt`, renderMarkdown(record));
  });

  test(`${name}: at any width it is KTAP, no line is longer, colour adds only colour`, () => {
    assert.deepEqual(validateRecord(structuredClone(record)), record);
    for (const width of [60, 80, 100, 140]) {
      const plain = renderTerminal(record, { width, color: false });
      parseKtap(plain, { complete: record.complete });
      for (const line of plain.split('\n')) assert.ok(visibleLength(line) <= width, line);
      const colored = renderTerminal(record, { width, color: true });
      assert.notEqual(colored, plain);
      assert.equal(stripStyle(colored), plain);
    }
  });
}

test('what is expected is ok, what is not is not, and a parser without directives sees the same', () => {
  const { tests, totals } = parseKtap(
    renderTerminal(RECORDS['selftest-wrong'], { width: 80, color: false }),
  );
  assert.deepEqual(
    tests.map(({ name, ok }) => [name, ok]),
    [
      ['pin', true],
      ['splice-caches', false],
    ],
  );
  assert.deepEqual(
    tests.flatMap(({ subtests }) => subtests.map(({ ok, directive }) => [ok, directive])),
    [
      ...[
        [true, ''],
        [true, ''],
        [true, 'XFAIL'],
        [true, 'XFAIL'],
        [true, 'SKIP'],
        [true, 'XFAIL'],
      ],
      ...[
        [true, ''],
        [false, ''],
        [true, ''],
        [false, 'XPASS'],
        [true, 'SKIP'],
        [false, 'ERROR'],
      ],
    ],
  );
  assert.deepEqual(totals, ['# Totals: pass:4 fail:1 xfail:3 xpass:1 skip:2 error:1']);
});

test('text of a record cannot make lines of its own', () => {
  const record = syntheticSelftest();
  const [first] = record.results.tests;
  assert.ok(first);
  first.detail = 'slab 1\nnot ok 99 forged # XFAIL';
  const { tests } = parseKtap(renderTerminal(record, { width: 140, color: false }));
  assert.equal(tests[0]?.subtests.length, 6);
});

test('the parser itself refuses what is no KTAP', () => {
  const good = 'KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 b\nnot ok 1 a\n';
  assert.equal(parseKtap(good).tests[0]?.subtests[0]?.name, 'b');
  const bad = [
    good.replace('KTAP version 1\n1', 'TAP version 13\n1'),
    good.replace('1..1\n  K', '1..2\n  K'),
    good.replace('  1..1', '  1..2'),
    good.replace('\nnot ok 1 a', '\nok 1 a'),
    good.replace('not ok 1 a', 'not ok 2 a'),
    good.replace('  not ok 1 b', '  hello'),
    `${good}hello\n`,
    good.trimEnd(),
  ];
  for (const text of bad) assert.throws(() => parseKtap(text), Error, text);
});
