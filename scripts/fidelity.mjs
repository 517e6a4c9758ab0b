// Writes docs/fidelity.md and docs/fidelity.json: runs the commands whose records they are made of, in about
// two and a half minutes on two cores. Needs a build.
//
//   npm run fidelity
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderFidelity } from '../dist/reports/fidelity/document.js';
import { fidelityFacts } from '../dist/reports/fidelity/facts.js';
import { experiments } from '../dist/test/fidelity/experiments.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'dist', 'bench', 'cli.js');
const folder = mkdtempSync(join(tmpdir(), 'slabsplice-fidelity-'));
/** Scenario, hosts, strategies that something was published about. Those that take long have few hosts. */
const LEAKS = [
  ['web-frontend', 20, 'pin,splice-caches,objcg'],
  ['web-frontend', 8, 'pin', '--set', 'kmem=off'],
  ['kind-restart', 20, 'pin'],
  ['containers-3.10', 2, 'pin'],
  ['etcd-healthcheck', 2, 'pin'],
  ['docker-4.6', 2, 'pin'],
  ['lxc-3.19', 2, 'pin,splice-caches'],
  ['container-tool', 20, 'splice-caches'],
  ['small-jobs-2019', 20, 'pin'],
  ['many-small-jobs', 2, 'pin'],
  ['bytedance', 2, 'pin'],
  ['list-lru-arrays', 2, 'pin'],
];

/** The record of a command; throws what it said if it failed. */
function record(args) {
  console.error(`slabsplice ${args.join(' ')}`);
  const file = join(folder, 'record.json');
  const run = spawnSync(process.execPath, [cli, ...args, '--json', file], { encoding: 'utf8' });
  if (run.status !== 0) {
    throw new Error(
      `slabsplice ${args.join(' ')} ended with ${run.status}: ${run.stderr}${run.stdout}`,
    );
  }
  return JSON.parse(readFileSync(file, 'utf8'));
}

function hasCommand(name) {
  const { stdout } = spawnSync(process.execPath, [cli, '--help'], { encoding: 'utf8' });
  return new RegExp(`^ +${name}\\b`, 'm').test(stdout);
}

try {
  const facts = fidelityFacts(
    {
      geometry: record(['geometry', 'host-6.18']),
      leak: LEAKS.map(([scenario, hosts, strategies, ...more]) =>
        record([
          ...['leak', '--scenario', scenario, '--hosts', String(hosts)],
          ...['--strategies', strategies, ...more],
        ]),
      ),
      claims: record(['claims']),
      selftest: hasCommand('selftest') ? record(['selftest']).results.tests : null,
    },
    experiments(),
  );
  writeFileSync(join(root, 'docs', 'fidelity.json'), `${JSON.stringify(facts, null, 2)}\n`);
  writeFileSync(join(root, 'docs', 'fidelity.md'), renderFidelity(facts));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
