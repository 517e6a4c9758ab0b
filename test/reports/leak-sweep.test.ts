import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderMarkdown } from '../../reports/index.ts';
import { leakPage } from '../../reports/pages/leak.ts';
import { leakRecord } from './fixtures/leak-record.ts';
import { HANDING_OVER, row, section } from './fixtures/leak-sections.ts';

test('a sweep over one parameter is a chart and a table', () => {
  const sweep = [{ key: 'files.count', values: [500, 1000, 2000] }];
  const record = leakRecord({ sweep, published: false });
  const one = section(record, 'Sweep');
  assert.deepEqual(
    one.chart?.series.map(({ name, points }) => [name, points.map(({ x }) => x)]),
    [
      ['pin', [500, 1000, 2000]],
      [HANDING_OVER, [500, 1000, 2000]],
    ],
  );
  const { cells } = record.results.sweep ?? { cells: [] };
  const [cell] = cells.filter(({ strategy, values }) => strategy === 'pin' && values[0] === 1000);
  const held = Number(((cell?.heldBytes ?? 0) / 2 ** 20).toPrecision(3));
  assert.equal(row(one, '1000')[0], `${Math.round(cell?.dying ?? 0)} ${held} MiB`);
  assert.equal(one.chart?.series[0]?.points[1]?.y, cell?.dying);
  assert.deepEqual(one.chart?.series[0]?.band?.[1], {
    x: 1000,
    low: cell?.dyingP10,
    high: cell?.dyingP90,
  });
  assert.doesNotMatch(one.how, /!/);
  const out = section(leakRecord({ sweep, published: false, idsRunOut: true }), 'Sweep');
  assert.match(out.how, /! where cgroups could not be created/);
  assert.match(row(out, '1000').join(), /^![\d,]+ [^!]+$/);
});

test('a sweep of many values shows some of them and says so', () => {
  const values = Array.from({ length: 50 }, (_, at) => 10 * (at + 1));
  const sweep = [{ key: 'files.count', values }];
  const one = section(leakRecord({ sweep, hosts: 1, strategies: ['pin'] }), 'Sweep');
  const labels = one.table?.rows.map(({ label }) => label) ?? [];
  assert.equal(labels.length, 20);
  assert.deepEqual([labels[0], labels.at(-1)], ['10', '500']);
  assert.match(one.how, /30 values between/);
  assert.equal(one.chart?.series[0]?.points.length, 50);
});

test('a sweep over two parameters is two heat maps, the highest on top', () => {
  const sweep = [
    { key: 'cgroupsPerDay', values: [100, 200, 400] },
    { key: 'files.count', values: [500, 1000] },
  ];
  const record = leakRecord({ sweep, published: false, cellsMissing: 1, hostsWanted: 18 });
  const maps = leakPage(record).sections.flatMap(({ heatMap }) => heatMap ?? []);
  assert.equal(maps.length, 2);
  const [dying, held] = maps;
  assert.deepEqual(dying?.across, { title: 'cgroupsPerDay', values: [100, 200, 400] });
  assert.deepEqual(dying?.down, { title: 'files.count', values: [1000, 500] });
  assert.deepEqual(
    dying?.maps.map(({ title, color }) => [title, color]),
    [
      ['pin', 0],
      [HANDING_OVER, 1],
    ],
  );
  const { cells } = record.results.sweep ?? { cells: [] };
  for (const [y, files] of [1000, 500].entries()) {
    for (const [x, rate] of [100, 200, 400].entries()) {
      const cell = cells.find(
        ({ strategy, values }) => strategy === 'pin' && values[0] === rate && values[1] === files,
      );
      assert.equal(dying?.maps[0]?.values[y]?.[x], cell?.dying ?? null);
      assert.equal(held?.maps[0]?.values[y]?.[x], cell?.heldBytes ?? null);
    }
  }
  assert.equal(dying?.maps[0]?.values[0]?.[2], null);
  // Without a figure there is none in Markdown either.
  assert.match(renderMarkdown(record), /^\| 1000 \| [\d,]+ \| [\d,]+ \| - \|$/m);
  const out = leakRecord({ sweep, published: false, idsRunOut: true });
  const notes = section(out, 'Sweep, dying').notes?.map(({ text }) => text);
  assert.deepEqual(notes, [
    'pin: in 6 of 6 combinations cgroups could not be created for want of an id.',
  ]);
  assert.deepEqual(section(record, 'Sweep, dying').notes, []);
});

test('with a sweep it is said which combination the rest is of', () => {
  const sweep = [{ key: 'cgroupsPerDay', values: [100, 200] }];
  const record = leakRecord({ sweep, published: false });
  for (const title of ['Dying', 'What keeps']) {
    assert.match(section(record, title).how, /at cgroupsPerDay = 100, the first of the sweep/);
  }
  assert.match(leakPage(record).facts[0] ?? '', /^6 hosts of .* over 2 combinations of values/);
  const varied = section(record, 'Scenario').settings?.find(({ key }) => key === 'cgroupsPerDay');
  assert.deepEqual(varied, {
    ...{ key: 'cgroupsPerDay', value: 'varied', from: '100 to 200 in the sweep', usual: false },
  });
});
