import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Trace, TraceLine } from '../../reports/pages/page.ts';
import { createStyles } from '../../reports/terminal/styles.ts';
import { stripStyle, visibleLength } from '../../reports/terminal/text.ts';
import { renderTrace } from '../../reports/terminal/trace.ts';

const plain = createStyles(false);

function step(cpu: number, text: string, more: Partial<TraceLine> = {}): TraceLine {
  return { cpu, text, source: 'core/memcg/charge.ts:64', skipped: 0, ...more };
}

const two: Trace = {
  cpus: ['looks up', 'frees the last object'],
  lines: [
    step(0, 'reads the cache of slab 7', { skipped: 1 }),
    step(1, 'takes slab 7 off the partial list of small', { mark: '12:1', skipped: 1234 }),
    step(0, 'reads its memcg'),
  ],
  ends: [],
};

test('sources stand to the right of the lanes where that leaves them room', () => {
  assert.deepEqual(renderTrace(two, 100, plain), [
    'CPU 0: looks up           │ CPU 1: frees the last object',
    '──────────────────────────┼───────────────────────────────────────────',
    '… 1 step                  │',
    'reads the cache of slab 7 │                                             core/memcg/charge.ts:64',
    '── 12:1 ──────────────────────────────────────────────────────────────',
    '                          │ … 1,234 steps',
    '                          │ takes slab 7 off the partial list of small  core/memcg/charge.ts:64',
    'reads its memcg           │                                             core/memcg/charge.ts:64',
  ]);
});

test('where that would squeeze them, sources stand below their step', () => {
  assert.deepEqual(renderTrace(two, 70, plain), [
    'CPU 0: looks up           │ CPU 1: frees the last object',
    '──────────────────────────┼───────────────────────────────────────────',
    '… 1 step                  │',
    'reads the cache of slab 7 │',
    '  core/memcg/charge.ts:64 │',
    '── 12:1 ──────────────────────────────────────────────────────────────',
    '                          │ … 1,234 steps',
    '                          │ takes slab 7 off the partial list of small',
    '                          │   core/memcg/charge.ts:64',
    'reads its memcg           │',
    '  core/memcg/charge.ts:64 │',
  ]);
});

test('or beside it, if need be without its folders', () => {
  const texts = ['reads', 'reads a memcg', 'reads its memcg', 'reads the memcg of small of C'];
  const lines = texts.map((text) => step(0, text));
  const trace: Trace = { cpus: ['a'.repeat(24), 'b'.repeat(40)], lines, ends: [] };
  const shown = renderTrace(trace, 60, plain).slice(-6);
  assert.deepEqual(shown, [
    'reads     memcg/charge.ts:64 │',
    'reads a memcg   charge.ts:64 │',
    'reads its memcg              │',
    '  core/memcg/charge.ts:64    │',
    'reads the memcg of small of  │',
    '  C  core/memcg/charge.ts:64 │',
  ]);
});

test('a change that does not fit on a line breaks before what it became, a value as a whole', () => {
  const shown = (text: string, width: number): string[] =>
    renderTrace({ cpus: [], lines: [step(0, text, { source: '' })], ends: [] }, width, plain).slice(
      2,
    );
  const flags = 'KC module.flags: live deactivated -> live deactivated killed';
  assert.deepEqual(shown(flags, 60), [flags]);
  assert.deepEqual(shown(flags, 50), [
    'KC module.flags: live deactivated',
    '  -> live deactivated killed',
  ]);
  assert.deepEqual(shown('KC module of a child.flags: live deactivated -> live', 40), [
    'KC module of a child.flags:',
    '  live deactivated',
    '  -> live',
  ]);
  assert.deepEqual(shown('reads KC module of a child.flags: live shut', 40), [
    'reads KC module of a child.flags:',
    '  live shut',
  ]);
  assert.deepEqual(shown(`reads C: ${'and so on '.repeat(5)}`, 40), [
    'reads C: and so on and so on and so on',
    '  and so on and so on',
  ]);
});

test('where lanes would be too narrow, each step says which CPU it is of', () => {
  assert.deepEqual(renderTrace({ ...two, lines: two.lines.slice(0, 2) }, 50, plain), [
    'CPU 0: looks up',
    'CPU 1: frees the last object',
    'CPU 0  … 1 step',
    'CPU 0  reads the cache of slab 7      charge.ts:64',
    '── 12:1 ──────────────────────────────────────────',
    'CPU 1  … 1,234 steps',
    'CPU 1  takes slab 7 off the partial list of small',
    '         core/memcg/charge.ts:64',
  ]);
});

test('one CPU has one lane, four have four where there is room', () => {
  const one: Trace = { cpus: ['frees'], lines: [step(0, 'reads')], ends: [] };
  assert.deepEqual(renderTrace(one, 40, plain), [
    'CPU 0: frees',
    '────────────',
    'reads         core/memcg/charge.ts:64',
  ]);
  const four: Trace = {
    cpus: ['a', 'b', 'c', 'd'],
    lines: [step(3, 'waits for slab_mutex, which CPU 0 holds', { source: 'x.ts:1' }), step(0, 'b')],
    ends: [],
  };
  assert.deepEqual(renderTrace(four, 100, plain), [
    'CPU 0: a │ CPU 1: b │ CPU 2: c │ CPU 3: d',
    '─────────┼──────────┼──────────┼────────────────────────────────────────',
    '         │          │          │ waits for slab_mutex, which CPU 0 holds  x.ts:1',
    'b        │          │          │                                          core/memcg/charge.ts:64',
  ]);
  assert.match(renderTrace(four, 90, plain).join('\n'), /^CPU 3 {2}waits for slab_mutex/m);
});

test('a source loses folders from the left before it is broken', () => {
  const lines = [
    step(1, 'reads it once more', { source: 'core/memcg/kmem-caches-of-memcgs.ts:1305' }),
  ];
  const trace: Trace = { cpus: ['a'.repeat(30), 'b'.repeat(30)], lines, ends: [] };
  const short = (width: number) => renderTrace(trace, width, plain).at(-1)?.trim();
  assert.equal(short(80), '│   memcg/kmem-caches-of-memcgs.ts:1305');
  assert.equal(short(72), '│   kmem-caches-of-memcgs.ts:1305');
  const long = [step(0, 'reads', { source: `core/${'x'.repeat(40)}.ts:1` })];
  assert.deepEqual(
    renderTrace({ cpus: [], lines: long, ends: [] }, 40, plain),
    [
      'CPU 0',
      '──────────────────────────────────────',
      'reads',
      `  ${'x'.repeat(38)}`,
      '  xx.ts:1',
    ].map((line) => line.replace(/^─+$/, '─'.repeat(40))),
  );
});

test('a CPU without a heading and a step without words are still shown', () => {
  const odd: Trace = { cpus: [], lines: [step(7, ' '), step(2, 'reads')], ends: [] };
  assert.deepEqual(renderTrace(odd, 80, plain), [
    'CPU 2 │ CPU 7',
    '──────┼──────',
    '      │ -      core/memcg/charge.ts:64',
    'reads │        core/memcg/charge.ts:64',
  ]);
});

test('rows at the end stand below each other, long states go on below', () => {
  const ends = [
    { name: 'C', state: 'dying, 1 reference, its caches are with P' },
    { name: 'small of C', state: '' },
    { name: 'a name that is longer than all', state: 'online' },
  ];
  const expected = [
    'At the end:',
    '  C                     dying, 1',
    '                        reference, its',
    '                        caches are with',
    '                        P',
    '  small of C',
    '  a name that is long~  online',
  ];
  assert.deepEqual(renderTrace({ cpus: ['a'], lines: [], ends }, 40, plain), expected);
  assert.deepEqual(renderTrace({ ...two, ends }, 40, plain).slice(-7), expected);
});

test('a trace without anything is nothing', () => {
  assert.deepEqual(renderTrace({ cpus: ['a'], lines: [], ends: [] }, 80, plain), []);
});

const words = (length: number) =>
  fc
    .array(fc.stringMatching(new RegExp(`^[a-z.,:]{1,${length}}$`)), { maxLength: 12 })
    .map((all) => all.join(' '));
const steps = fc.oneof(
  words(60),
  fc.tuple(words(20), words(20), words(20)).map(([a, b, c]) => `${a}: ${b} -> ${c}`),
);
const traces = fc.record({
  cpus: fc.array(words(20), { maxLength: 5 }),
  lines: fc.array(
    fc.record(
      {
        ...{ cpu: fc.integer({ min: 0, max: 4 }), text: steps, source: words(60) },
        ...{ skipped: fc.nat(2000), mark: words(30) },
      },
      { requiredKeys: ['cpu', 'text', 'source', 'skipped'] },
    ),
    { maxLength: 8 },
  ),
  ends: fc.array(fc.record({ name: words(30), state: words(60) }), { maxLength: 3 }),
});

test('law: no line is longer than the width, and colour changes nothing but colour', () => {
  fc.assert(
    fc.property(traces, fc.integer({ min: 40, max: 200 }), (any, width) => {
      const lines = renderTrace(any, width, plain);
      for (const line of lines) {
        assert.ok(visibleLength(line) <= width, `${width}: ${line}`);
        assert.equal(line, line.trimEnd());
      }
      const colored = renderTrace(any, width, createStyles(true));
      assert.deepEqual(
        colored.map((line) => stripStyle(line).trimEnd()),
        lines,
      );
    }),
  );
});

test('law: every letter of every step is there, in order', () => {
  fc.assert(
    fc.property(traces, fc.integer({ min: 40, max: 200 }), ({ cpus, lines }, width) => {
      fc.pre(lines.length > 0);
      const told = lines.map(({ cpu, text }) => ({ ...step(cpu, text), source: '' }));
      const shown = renderTrace({ cpus, lines: told, ends: [] }, width, plain);
      const rule = shown.findIndex((line) => /^[─┼]+$/.test(line));
      const steps = rule === -1 ? shown.slice(-lines.length * 60) : shown.slice(rule + 1);
      const letters = steps.join('').replace(/[ │]|CPU \d+/g, '');
      const expected = told.map(({ text }) => text.replace(/^\s*$/, '-').replaceAll(' ', ''));
      if (rule === -1) assert.ok(letters.endsWith(expected.join('')));
      else assert.equal(letters, expected.join(''));
    }),
  );
});
