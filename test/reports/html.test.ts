import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { pageAssets } from '../../bench/page-assets.ts';
import { type PageAssets, type ResultRecord, renderHtml } from '../../reports/index.ts';
import { claimsRecord } from './fixtures/claims-record.ts';
import { hostile } from './fixtures/hostile.ts';
import { leakRecord } from './fixtures/leak-record.ts';
import { smallRecords } from './fixtures/small-records.ts';
import { syntheticCompare } from './fixtures/synthetic-compare.ts';
import { syntheticExplore } from './fixtures/synthetic-explore.ts';
import { syntheticSelftest } from './fixtures/synthetic-selftest.ts';
import { syntheticStorm } from './fixtures/synthetic-storm.ts';
import { matchesFile } from './golden-file.ts';

/** Short ones: what is tested is what stands between them. */
const PLAIN: PageAssets = {
  style: { text: 'body{}', sha256: 'c3R5bGU=' },
  charts: { text: 'charts()', sha256: 'Y2hhcnRz' },
};
const VOID = new Set(['meta', 'input', 'br']);

const perDay = { key: 'cgroupsPerDay', values: [100, 200, 400] };
const ofFiles = { key: 'files.count', values: [500, 1000] };
const all: [name: string, record: ResultRecord][] = [
  ...smallRecords().map((record): [string, ResultRecord] => [record.command, record]),
  ['compare', syntheticCompare()],
  ['storm', syntheticStorm({ violations: 2 })],
  ['leak', leakRecord()],
  ['leak over two parameters', leakRecord({ published: false, sweep: [perDay, ofFiles] })],
  ['explore', syntheticExplore({ strategies: ['splice-caches'], violations: 2 })],
  ['claims', claimsRecord({ alone: true })],
  ['selftest', syntheticSelftest()],
];

/** Tags in the order in which they are opened and closed; scripts and styles are text. */
function tagsOf(html: string): { name: string; closes: boolean; attributes: string }[] {
  const visible = html.replace(/<(script|style)\b([^>]*)>[\s\S]*?<\/\1>/g, '<$1$2></$1>');
  return [...visible.matchAll(/<(\/?)([a-z][a-z0-9]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*(\/?)>/gi)]
    .filter(([, , name = '', , self]) => !VOID.has(name) && self !== '/')
    .map(([, slash, name = '', attributes = '']) => ({ name, closes: slash === '/', attributes }));
}

for (const [name, record] of all) {
  test(`${name}: every tag is closed, every id is there once, every link leads somewhere`, () => {
    const html = renderHtml([record], PLAIN);
    const open: string[] = [];
    for (const tag of tagsOf(html)) {
      if (tag.closes) assert.equal(open.pop(), tag.name);
      else open.push(tag.name);
    }
    assert.deepEqual(open, []);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const [, target] of html.matchAll(/(?:href="#|labelledby=")([^"]+)"/g)) {
      assert.ok(ids.includes(target), target);
    }
  });

  test(`${name}: the same record makes the same page`, () => {
    assert.equal(renderHtml([record], PLAIN), renderHtml([structuredClone(record)], PLAIN));
  });

  test(`${name}: nothing in a record can leave its place`, () => {
    const tags = tagsOf(renderHtml([hostile(record)], PLAIN));
    const names = new Set(tags.map((tag) => tag.name));
    assert.ok(!names.has('img') && !names.has('b'));
    // The record and the charts, each opened and closed.
    assert.equal(tags.filter((tag) => tag.name === 'script').length, 4);
    for (const { attributes } of tags) {
      for (const [, attribute = ''] of attributes.matchAll(/\s([\w-]+)(?:="[^"]*")?/g)) {
        assert.doesNotMatch(attribute, /^(on|style$|src)/);
      }
    }
  });
}

test('the record comes out of the page as it went in', () => {
  const record = hostile(syntheticCompare());
  const [, json = ''] =
    /<script type="application\/json" id="r0-json">([\s\S]*?)<\/script>/.exec(
      renderHtml([record], PLAIN),
    ) ?? [];
  assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(record)));
});

test('a page of one record, without what is inlined', () => {
  const [, doctor] = smallRecords();
  assert.ok(doctor);
  matchesFile('test/reports/golden/doctor.html', renderHtml([doctor], PLAIN));
});

test('several records are parts of one page', () => {
  const html = renderHtml([syntheticStorm(), leakRecord()], PLAIN);
  assert.equal(html.match(/<article /g)?.length, 2);
  assert.match(html, /<title>slabsplice: 2 records<\/title>/);
  assert.match(html, /<a class="record" href="#r1"/);
});

test('without scripts there is a text chart', () => {
  const [, chart = ''] = /<noscript><pre>([\s\S]*?)<\/pre>/.exec(
    renderHtml([leakRecord()], PLAIN),
  ) ?? [''];
  assert.match(chart, /P pin/);
  assert.match(chart, /across: days/);
});

test('a failed check is on top and open; a run that was cut short says so', () => {
  const record = syntheticStorm();
  const checks = [
    { name: 'first', ok: true, detail: 'fine' },
    { name: 'second', ok: false, detail: 'not fine' },
  ];
  const html = renderHtml([{ ...record, checks, complete: false }], PLAIN);
  assert.match(html, /<details open><summary>2 checks: 1 of them FAILED/);
  assert.ok(html.indexOf('>second<') < html.indexOf('>first<'));
  assert.match(html, /cut short/);
});

test('the command that repeats a run can be pasted into a shell', () => {
  const record = syntheticStorm();
  const environment = { ...record.environment, commandLine: ['storm', '--mix', "a 'b'; rm"] };
  const html = renderHtml([{ ...record, environment }], PLAIN);
  assert.match(html, /slabsplice storm --mix &#39;a &#39;\\&#39;&#39;b&#39;\\&#39;&#39;; rm&#39;/);
  assert.match(renderHtml([record], PLAIN), /does not say how it was started/);
});

test('a machine to play with has a place of its own', () => {
  const machine = {
    script: { text: 'machine()', sha256: 'bWFjaGluZQ==' },
    style: { text: 'svg{}', sha256: 'c3Zn' },
  };
  const html = renderHtml([syntheticStorm()], { ...PLAIN, machine });
  assert.match(html, /<section id="machine" data-machine/);
  assert.match(html, /script-src 'sha256-Y2hhcnRz' 'sha256-bWFjaGluZQ=='/);
  assert.match(html, /style-src 'sha256-c3R5bGU=' 'sha256-c3Zn'/);
  assert.ok(html.indexOf('data-machine') < html.indexOf('machine()'));
  assert.doesNotMatch(renderHtml([syntheticStorm()], PLAIN), /data-machine/);
});

test('scripts and style of the build fit into a page', () => {
  const assets = pageAssets();
  for (const { text, sha256 } of [assets.style, assets.charts]) {
    assert.equal(createHash('sha256').update(text).digest('base64'), sha256);
    assert.ok(!/<\/(script|style)/i.test(text));
  }
  assert.ok(!/url\(|@import/.test(assets.style.text));
  // The schema of records would double the script, and nothing in a page needs it.
  assert.ok(!assets.charts.text.includes('invalid_union'));
  assert.ok(assets.charts.text.length < 200_000, `${assets.charts.text.length}`);
  for (const name of ['uplot', 'pure-rand', 'simple-statistics']) {
    assert.ok(assets.charts.text.includes(`/*! ${name}`), `the licence of ${name}`);
  }
});

test('a page asks for nothing outside', () => {
  const html = renderHtml([syntheticCompare(), leakRecord()], pageAssets());
  const [, policy = ''] = /Security-Policy" content="([^"]*)"/.exec(html) ?? [];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-|https?:|\*/);
  for (const { name, attributes } of tagsOf(html).filter(({ closes }) => !closes)) {
    assert.doesNotMatch(attributes, /\ssrc=/);
    if (name === 'a') assert.match(attributes, /href="#/);
    assert.notEqual(name, 'link');
  }
});
