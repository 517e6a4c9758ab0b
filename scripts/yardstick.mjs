// Ratios to a native program with the same semantics: runs it and ours in turn, in the same minutes,
// because times drift on shared machines. The program prints a line per benchmark, as a C peer with
// `ops` and `offline` modes does; it is not part of this repository.
//
//   npm run yardstick -- PEER [--rounds 5] [--atomics real] [--offline] [--huge-pages]
//
// Without --offline: alloc and free (pair, churn, random over 10 million live objects).
// With --offline: hand-overs over pages, warm and cold, in order and shuffled.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    atomics: { type: 'string', default: 'solo' },
    offline: { type: 'boolean', default: false },
    'huge-pages': { type: 'boolean', default: false },
  },
});
const [peer] = positionals;
if (peer === undefined) {
  console.error('usage: npm run yardstick -- PEER [--rounds 5] [--atomics real] [--offline]');
  process.exit(2);
}
const cli = fileURLToPath(new URL('../dist/bench/cli.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'slabsplice-yardstick-'));

/** Runs a program until a line matches `last`; returns its lines. */
function linesUntil(command, args, last, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
    const lines = [];
    child.on('error', reject);
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (last.test(line)) child.kill();
    });
    child.on('close', () => resolve(lines));
  });
}

async function ours(args) {
  const file = join(folder, 'record.json');
  const env = { ...process.env };
  if (flags['huge-pages']) env.GLIBC_TUNABLES = 'glibc.malloc.hugetlb=1';
  const common = ['compare', '--population', 'uniform', '--rounds', '3', '--json', file];
  await linesUntil(process.execPath, [cli, ...common, ...args], /^$a/, env);
  return JSON.parse(readFileSync(file, 'utf8')).results;
}

const samples = new Map();
function add(name, us, them) {
  if (us === undefined || them === undefined) return;
  if (!samples.has(name)) samples.set(name, []);
  samples.get(name).push({ us, them });
}

async function opsRound() {
  // stdbuf: the peer's lines must not wait for its end, which is benchmarks away.
  const native = await linesUntil('stdbuf', ['-oL', peer, 'ops'], /churn .* 1 thread/);
  const find = (text) => {
    const line = native.find((one) => one.includes(text));
    return Number(/([\d.]+) ns\/op/.exec(line ?? '')?.[1]);
  };
  const { hotPath } = await ours([
    ...['--strategies', 'splice-caches', '--pages', '1000', '--order', 'in-order'],
    ...['--live', '10000000', '--atomics', flags.atomics, '--looked-up'],
  ]);
  for (const { operation, nsPerOp } of hotPath) {
    const text = { pair: 'lifo pair', churn: 'churn', random: 'random free+alloc, 10M' }[operation];
    add(`${operation}, ns`, nsPerOp.p50, find(text));
  }
}

async function offlineRound() {
  const native = await linesUntil('stdbuf', ['-oL', peer, 'offline'], /^splice 20 caches/);
  const find = (strategy, shuffled, pages, memmap, temperature) => {
    const line = native.find((one) => {
      const found = /^offline (\w+) +(shuffled)? *pages +(\d+) of memmap +(\d+):/.exec(one);
      if (found === null) return false;
      const same = found[1] === strategy && (found[2] !== undefined) === shuffled;
      return same && Number(found[3]) === pages && Number(found[4]) === memmap;
    });
    return 1000 * Number(new RegExp(`${temperature} +([\\d.]+) us`).exec(line ?? '')?.[1]);
  };
  const names = 'splice-caches,list-pages,link-pages,scan-pages,scan-pages-js';
  const { offline } = await ours([
    ...['--strategies', names, '--pages', '1e3,1e5,1e6', '--no-hot-path'],
  ]);
  const memmap = await ours([
    ...['--strategies', 'scan-pages,scan-pages-js', '--pages', '10000', '--no-hot-path'],
    ...['--memmap', '9990000', '--order', 'in-order'],
  ]);
  const native10m = find('scan', false, 10_000, 10_000_000, 'hot');
  for (const row of memmap.offline) {
    if (row.what !== 'handover' || row.temperature !== 'warm') continue;
    add(`${row.strategy}, 1e4 pages in 1e7 rows, ns`, row.ns.p50, native10m);
  }
  for (const { strategy, pages, order, temperature, what, ns } of offline) {
    if (what !== 'handover') continue;
    const shuffled = order === 'shuffled';
    const rival = { splice: 'splice', list: 'list', link: 'list', scan: 'scan' }[
      strategy.slice(0, strategy.indexOf('-'))
    ];
    // The peer shuffles only its list.
    if (shuffled && rival !== 'list') continue;
    const hot = temperature === 'warm' ? 'hot' : 'cold';
    add(
      `${strategy}, ${pages} pages ${order} ${temperature}, ns`,
      ns.p50,
      find(rival, shuffled, pages, pages, hot),
    );
  }
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
try {
  for (let round = 1; round <= Number(flags.rounds); round++) {
    console.error(`round ${round}`);
    await (flags.offline ? offlineRound() : opsRound());
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const [name, pairs] of samples) {
  const ratios = pairs.map(({ us, them }) => us / them);
  const shown = (value) => value.toPrecision(3);
  console.log(
    `${name.padEnd(48)} ours ${shown(median(pairs.map(({ us }) => us)))}  native ` +
      `${shown(median(pairs.map(({ them }) => them)))}  ratio ${shown(median(ratios))} ` +
      `(${shown(Math.min(...ratios))} to ${shown(Math.max(...ratios))}, ${ratios.length} rounds)`,
  );
}
