/** Exact figures of the documents are those of the code; times are given as ranges alone. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CLAIMS } from '../../bench/claims/claims.ts';
import { CapacityError, InputError, UsageError } from '../../bench/errors.ts';
import { MUTANTS } from '../../bench/explore/mutants.ts';
import { SCENARIOS } from '../../bench/explore/scenarios.ts';
import { compareDefaults } from '../../bench/options.ts';
import { SUITE } from '../../bench/selftest/suite.ts';
import { resolveStorm } from '../../bench/storm-options.ts';
import { STORM_MIXES } from '../../bench/workload/storm-mix.ts';
import {
  ALL_STRATEGY_NAMES,
  bindCpu,
  createMachine,
  MISTAKEN_NAMES,
  ROOT_MEMCG,
  SLAB_SPEC,
  STEP_NAMES,
  STRATEGIES,
  STRATEGY_NAMES,
} from '../../core/index.ts';
import { DEADLINE_MS } from '../../core/shared/wait.ts';
import type { CompareRecord } from '../../reports/index.ts';
import { runCli } from '../cli/run-cli.ts';
import { DOCUMENTS, proseOf, read } from './documents.ts';

const folder = mkdtempSync(join(tmpdir(), 'slabsplice-figures-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SLABS = 300;
const CACHES = 3;
const SHAPE = { objectsPerSlab: 21, pagesPerSlab: 1, minPartial: 5, cpuPartialSlabs: 12 };

/** Cells of the first table whose header row begins so. */
function tableOf(text: string, header: string): string[][] {
  const [, after] = text.split(`\n${header}\n`);
  assert.ok(after !== undefined, `no table ${header}`);
  const [table = ''] = after.split('\n\n');
  return table
    .split('\n')
    .slice(1)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** A machine on which a cgroup with SLABS slabs in CACHES caches was removed. */
function removal(strategy: string) {
  const machine = createMachine({
    ...{ strategy, cpus: 1, slabRows: 5000, kmemCaches: 16 },
    ...{ rootCaches: 8, memcgs: 8, kmemIds: 8 },
  });
  const cpu = bindCpu(machine, 0);
  const parent = cpu.createMemcg(ROOT_MEMCG);
  const child = cpu.createMemcg(parent);
  for (let one = 0; one < CACHES; one++) {
    const cache = cpu.createCache(child, cpu.createRootCache({ ...SHAPE, size: 192 + 8 * one }));
    for (let i = 0; i < (SLABS / CACHES) * SHAPE.objectsPerSlab; i++) cpu.alloc(cache);
  }
  cpu.rmdir(child);
  cpu.runDeferred();
  return { steps: cpu.steps(), rows: machine.globals.slabBump[0] ?? 0 };
}

for (const strategy of STRATEGIES.filter(({ name }) => STRATEGY_NAMES.includes(name))) {
  const text = read(`docs/strategies/${strategy.name}.md`);

  test(`${strategy.name}: the steps are as predicted`, () => {
    const { steps, rows } = removal(strategy.name);
    const words: Record<string, number> = { slabs: SLABS, caches: CACHES, rows };
    const predicted = tableOf(text, '| step | times |').map(([step = '', times = '']) => {
      const terms = times.split(' + ').map((term) => words[term] ?? Number(term));
      return [step.replaceAll('`', ''), terms.reduce((sum, term) => sum + term, 0)];
    });
    assert.deepEqual(Object.fromEntries(predicted), steps);
    assert.deepEqual(
      predicted.map(([step]) => step),
      [...STEP_NAMES],
    );
  });

  test(`${strategy.name}: the page has every column of its tables, with its bytes`, () => {
    const config = {
      ...{ strategy: strategy.name, cpus: 1, slabRows: 100, kmemCaches: 4, rootCaches: 1 },
      ...{ memcgs: 4, kmemIds: 4, chargeBatch: 0, lrus: 0, lruItems: 0, folios: 0 },
      ...{ moveFolios: 0, objcgs: 0 },
    };
    const columns = strategy
      .tables(config)
      .flatMap(({ name, spec }) =>
        Object.entries(spec).map(([column, words]) => [`${name}.${column}`, 4 * words] as const),
      );
    if (columns.length === 0) return assert.match(text, /## Memory\n\nNone of its own/);
    const rows = tableOf(text, '| column | bytes | one for each |');
    const written = rows.map(([column = '', bytes]) => [column.replaceAll('`', ''), Number(bytes)]);
    assert.deepEqual(new Map(written as [string, number][]), new Map(columns));
  });
}

test('the strategies side by side are those that there are', () => {
  const text = read('docs/strategies/README.md');
  const named = [...text.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(named.sort(), [...ALL_STRATEGY_NAMES, ...MISTAKEN_NAMES].sort());
  const rowBytes = Object.values(SLAB_SPEC).reduce((sum, words) => sum + 4 * words, 0);
  assert.ok(text.includes(`a slab row has ${rowBytes} bytes`));
  assert.ok(read('docs/capacity.md').includes(`a row of ${rowBytes} bytes`));
});

test('the footprint side by side is what its command finds', async () => {
  const text = read('docs/strategies/README.md');
  const [, line = ''] = /`npx slabsplice (compare --pages 1e5[^`]*)`/.exec(text) ?? [];
  const { code, stderr } = await runCli([...line.split(' '), '--json', 'r.json'], folder);
  assert.equal(code, 0, stderr);
  const record = JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8')) as CompareRecord;
  const found = new Map(record.results.footprint.map((one) => [one.strategy, one]));
  for (const [label, key] of [
    ['bytes per page', 'bytesPerPage'],
    ['bytes per object', 'bytesPerObject'],
  ] as const) {
    const row = new RegExp(`^\\| ${label} \\|(.*)\\|$`, 'm').exec(text)?.[1] ?? '';
    const shown = row.split('|');
    const exact = STRATEGY_NAMES.map((name) => found.get(name)?.[key] ?? Number.NaN);
    assert.deepEqual(
      shown.map(Number),
      exact.map((value) => Number(value.toPrecision(3))),
    );
  }
});

test('what is counted in words is what there is', () => {
  const explore = read('docs/explore.md');
  assert.ok(explore.includes(`There are ${SCENARIOS.length} scenarios`));
  assert.ok(explore.includes(`one by one, ${MUTANTS.length} of them`));
  const claims = read('docs/claims.md');
  for (const { id } of CLAIMS) assert.ok(claims.includes(`[${id}](#${id})`), id);
  const [, eleven = ''] =
    /\*\*Eleven cases that the kernel's suite lacks\*\*: ([^.]*)\./.exec(
      read('docs/selftest.md'),
    ) ?? [];
  const own = [...eleven.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  assert.equal(own.length, 11);
  for (const name of own)
    assert.ok(
      SUITE.some((one) => one.name === name),
      name,
    );
  assert.match(read('README.md'), /and eleven that it lacks/);
});

test('defaults in the how-tos are those of the commands', () => {
  const compare = read('docs/compare.md');
  assert.ok(compare.includes(`${compareDefaults.rounds} is the default`));
  const live = compareDefaults.liveObjects.toLocaleString('en-US');
  assert.ok(compare.includes(`${live} is the default`));
  const storm = read('docs/storm.md');
  const { rounds, mix, removalsPerSecond } = resolveStorm({ color: true });
  assert.ok(storm.includes(`the default of ${rounds},`));
  const mixes = tableOf(storm, '| `--mix` | what the cgroups are |');
  assert.deepEqual(
    mixes.map(([name = '']) => name.replaceAll('`', '')),
    STORM_MIXES.map(({ name }) => name),
  );
  const [first] = mixes;
  assert.equal(first?.[0], `\`${mix}\``);
  assert.ok(first?.[1]?.includes(`${removalsPerSecond} removals a second`));
  assert.ok(read('docs/library.md').includes(`end after ${DEADLINE_MS / 1000} s`));
});

test('troubleshooting knows every class of error, its exit code, and every exit code', () => {
  const text = read('docs/troubleshooting.md');
  const classes = new Map(
    tableOf(text, '| class | code | example | cause and remedy |').map(([name = '', code]) => [
      name.replaceAll('`', ''),
      Number(code),
    ]),
  );
  const thrown = [
    ...read('bench/errors.ts').matchAll(/^export class (\w+) extends UserError/gm),
    ...read('reports/record.ts').matchAll(/^export class (\w+) extends Error/gm),
    ...read('core/shared/assert.ts').matchAll(/^export class (\w+)/gm),
    ...read('core/shared/wait.ts').matchAll(/^export class (\w+)/gm),
  ].map(([, name = '']) => name);
  assert.deepEqual([...classes.keys()].sort(), thrown.sort());
  const codes = [new UsageError(''), new InputError('', 0, '', ''), new CapacityError('')];
  for (const { name, exitCode } of codes) assert.equal(classes.get(name), exitCode, name);
  const listed = tableOf(text, '| code | means | a record is written | what to do |');
  assert.deepEqual(
    listed.map(([code]) => Number(code)),
    [0, 1, 2, 3, 130],
  );
  for (const code of ['0 done', '1 a check', '2 wrong use', '3 it does', '130\ninterrupted']) {
    assert.ok(read('README.md').includes(code), code);
  }
});

/** Documents about figures that others measured, or that were written from records. */
const QUOTES =
  /^docs\/(reference|findings|claims|fidelity|scenario|host|replay|leak|selftest|explore-tutorial)|CHANGELOG|core\/README|bench\/data|CONTRIBUTING|^docs\/(diff|report|fleet)/;

test('a time or a factor in a sentence is a range', () => {
  const figure = /(\d[\d.,]* to )?\b(\d[\d.,]*) (ns|us|ms|times (that|those|as))\b/g;
  for (const file of DOCUMENTS.filter((one) => !QUOTES.test(one))) {
    const sentences = proseOf(file).replace(/``[^`]*`[^`]*`[^`]*``|`[^`]*`/g, 'code');
    for (const [found, least] of sentences.matchAll(figure)) {
      assert.ok(least !== undefined, `${file}: ${found}: give a range`);
    }
  }
});
