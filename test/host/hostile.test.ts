import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderOpenMetrics } from '../../reports/openmetrics.ts';
import { hostResults } from '../../reports/results-host.ts';
import { parseMetrics } from './metrics-parser.ts';
import { hostileHost, look } from './support.ts';

const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\uFFFD]/u;

test('hostile names of cgroups: in the record, each escaped, and none of them lost', async () => {
  const results = hostResults.parse(await look(hostileHost()));
  const names = results.pins.map(({ cgroup }) => cgroup).sort();
  assert.deepEqual(names, [
    '/\\x1b[2Jevil\\u{202e}',
    '/b\\u{fffd}\\u{fffd}\\x07',
    '/evil',
    '/quote"brace}\\x0aline',
    '/unit\\x2dname|`code`<b>',
  ]);
  const texts = JSON.stringify(results, (_, value) => {
    if (typeof value === 'string') assert.doesNotMatch(value, UNSAFE);
    return value;
  });
  assert.match(texts, /u\{202e\}/);
});

test('hostile names of cgroups: metrics stay metrics', async () => {
  const results = await look(hostileHost());
  const [hierarchy] = results.hierarchies;
  assert.ok(hierarchy);
  const mount = results.pins.map(({ cgroup }) => cgroup).join();
  const text = renderOpenMetrics({ ...results, hierarchies: [{ ...hierarchy, mount }] });
  assert.doesNotMatch(text.replaceAll('\n', ''), UNSAFE);
  const samples = parseMetrics(text).get('slabsplice_memcg_live')?.samples;
  assert.deepEqual([...(samples?.keys() ?? [])], [`mount=${mount},version=2`]);
});
