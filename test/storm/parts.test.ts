import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addHistogram,
  emptyHistogram,
  HISTOGRAM_WORDS,
  quantileOf,
  record,
  sumInto,
  summary,
} from '../../bench/histogram.ts';
import { bindMailbox, MAILBOX_WORDS } from '../../bench/workload/mailbox.ts';
import { bindRendezvous, callOff, RENDEZVOUS_WORDS } from '../../bench/workload/rendezvous.ts';
import { mixNamed, STORM_MIXES } from '../../bench/workload/storm-mix.ts';
import {
  createShared,
  legsOf,
  objectWeights,
  STALL_BIN_MS,
  stallBase,
  stormConfig,
  stormShape,
  TIMELINE,
} from '../../bench/workload/storm-plan.ts';
import { addStalls, BINS_BEFORE, emptyStalls } from '../../bench/workload/storm-stalls.ts';
import {
  FATE,
  FATE_MASK,
  FATE_SHIFT,
  FOREIGN,
  makeTape,
  TAPE_CACHES_MAX,
  TAPE_ENTRIES,
} from '../../bench/workload/storm-tape.ts';
import { machineBytes } from '../../core/index.ts';
import { smallPlan } from './small-plan.ts';

function words(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

/** A histogram of the values. */
function histogramOf(values: readonly number[]): Float64Array {
  const recorded = new Int32Array(2 * HISTOGRAM_WORDS);
  for (const ns of values) record(recorded, HISTOGRAM_WORDS, ns);
  return addHistogram(emptyHistogram(), recorded, HISTOGRAM_WORDS);
}

test('quantiles of a histogram are those of the sorted values, to within a bucket', () => {
  const value = fc.oneof(
    fc.integer({ min: 0, max: 200 }),
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
      const counts = histogramOf(values);
      const sorted = [...values].sort((a, b) => a - b);
      for (const share of [0.01, 0.5, 0.9, 0.999, 1]) {
        const rank = Math.max(1, Math.ceil(share * sorted.length));
        const exact = sorted[rank - 1] ?? 0;
        const found = quantileOf(counts, share) ?? -1;
        // A bucket is 1/64 of its octave wide, and exact below 64 ns.
        assert.ok(Math.abs(found - exact) <= exact / 64, `${share}: ${found} for ${exact}`);
      }
    }),
  );
});

test('a summary joins rounds, keeps the extremes, and is null without samples', () => {
  const rounds = [histogramOf([5, 10, 20]), emptyHistogram(), histogramOf([30, 1_000_000])];
  const all = summary(rounds, 1);
  assert.ok(all !== null);
  assert.equal(all.samples, 5);
  assert.equal(all.min, 5);
  assert.equal(all.p50, 20);
  assert.equal(all.max, 1_000_000);
  assert.ok(Math.abs(all.mean - 200_013) < 200_013 / 64);
  assert.equal(summary([emptyHistogram()], 1), null);
  assert.equal(quantileOf(emptyHistogram(), 0.5), null);
});

test('latencies beyond the range are counted at its end, negative ones at 0', () => {
  const counts = histogramOf([-5, 1e12]);
  assert.equal(quantileOf(counts, 0.5), 0);
  assert.equal(summary([counts], 1)?.max, 2 ** 31 - 1);
});

test('summing histograms adds counts and keeps the larger maximum', () => {
  const sum = histogramOf([1, 2]);
  sumInto(sum, histogramOf([2, 900]));
  const all = summary([sum], 1);
  assert.equal(all?.samples, 4);
  assert.equal(all?.max, 900);
});

test('a mailbox hands over in order and refuses when full, round after round', () => {
  const box = bindMailbox(words(3 * MAILBOX_WORDS), MAILBOX_WORDS);
  assert.equal(box.receive(), 0);
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    let accepted = 0;
    while (box.send(sent + 1)) {
      sent++;
      accepted++;
    }
    assert.equal(accepted, 1024);
    for (let expected = sent - 1023; expected <= sent; expected++) {
      assert.equal(box.receive(), expected);
    }
    assert.equal(box.receive(), 0);
  }
});

test('a meeting that not all come to ends at its deadline and says what was met for', () => {
  const point = words(RENDEZVOUS_WORDS);
  bindRendezvous(point, 1, 10).meet('alone');
  assert.throws(() => bindRendezvous(point, 2, 10).meet('the load'), {
    name: 'CapacityError',
    message: /the load: only some of 2 CPUs came within 10 ms/,
  });
});

test('a meeting that is called off ends for those who come later, too', () => {
  const point = words(RENDEZVOUS_WORDS);
  callOff(point);
  const late = bindRendezvous(point, 2, 60_000);
  assert.equal(late.calledOff(), true);
  assert.throws(() => late.meet('the load'), /the load: called off/);
});

test('a tape follows the shares of its mix, and the seed alone decides it', () => {
  const mix = mixNamed('services');
  const weights = [0.5, 0.3, 0.2];
  const tape = makeTape({ mix, weights, seed: 7, cpu: 0 });
  assert.deepEqual(tape, makeTape({ mix, weights, seed: 7, cpu: 0 }));
  assert.notDeepEqual(tape, makeTape({ mix, weights, seed: 7, cpu: 1 }));
  assert.notDeepEqual(tape, makeTape({ mix, weights, seed: 8, cpu: 0 }));
  const share = (wanted: (entry: number) => boolean): number =>
    tape.filter(wanted).length / TAPE_ENTRIES;
  const fate = (one: number) => share((entry) => ((entry >>> FATE_SHIFT) & FATE_MASK) === one);
  // Five standard deviations of a share of 65,536 draws are below 0.01.
  const close = (found: number, wanted: number) => assert.ok(Math.abs(found - wanted) < 0.01);
  close(fate(FATE.long), mix.longShare);
  close(fate(FATE.shared), mix.sharedShare);
  close(fate(FATE.remote), mix.remoteShare);
  close(fate(FATE.interrupt), mix.interruptShare);
  close(
    share((entry) => (entry & FOREIGN) !== 0),
    mix.foreignShare,
  );
  weights.forEach((weight, cache) => {
    close(
      share((entry) => (entry & (TAPE_CACHES_MAX - 1)) === cache),
      weight,
    );
  });
});

test('shares of a mix leave room for short-lived objects', () => {
  for (const mix of STORM_MIXES) {
    const { longShare, sharedShare, remoteShare, interruptShare } = mix;
    assert.ok(longShare + sharedShare + remoteShare + interruptShare < 1, mix.name);
  }
});

test('every mix with the most CPUs has a machine', async () => {
  for (const { name } of STORM_MIXES) {
    for (const cpus of [1, 64]) {
      const plan = await smallPlan({ mix: name, cpus, fill: mixNamed(name).fill });
      assert.ok(machineBytes(stormConfig(plan)) > 0);
    }
  }
});

test('weights are shares of objects, not of pages', () => {
  const cache = { name: 'a', size: 64, minPartial: 5, cpuPartial: 30, utilisation: 1 };
  const weights = objectWeights([
    { ...cache, objectsPerSlab: 64, pagesPerSlab: 1, share: 0.5 },
    { ...cache, objectsPerSlab: 32, pagesPerSlab: 2, share: 0.5 },
  ]);
  assert.deepEqual(weights, [0.8, 0.2]);
});

test('caches known to be reclaimable or under RCU are so', async () => {
  const { caches } = await smallPlan();
  const shape = (name: string) => {
    const [any] = caches;
    assert.ok(any !== undefined);
    return stormShape({ ...any, name });
  };
  assert.equal(shape('dentry').reclaimable, true);
  assert.equal(shape('ext4_inode_cache').reclaimable, true);
  assert.equal(shape('kmalloc-64').reclaimable, false);
  assert.equal(shape('anon_vma').typesafeByRcu, true);
  assert.equal(shape('vm_area_struct').typesafeByRcu, false);
});

test('long loads are cut into slices with audits between them', async () => {
  const legs = legsOf(await smallPlan({ seconds: 25 }));
  const timed = legs.flatMap((leg) =>
    (leg.kind === 'load' || leg.kind === 'latency') && leg.counted ? [leg] : [],
  );
  assert.equal(timed.filter((leg) => leg.kind === 'load').length, 3);
  const ms = timed.reduce((sum, leg) => sum + leg.ms, 0);
  assert.equal(Math.round(ms), 25_000);
  for (const [index, leg] of legs.entries()) {
    if (leg.kind === 'load' && leg.counted) assert.equal(legs[index + 1]?.kind, 'audit');
  }
  assert.equal(legs.at(-1)?.kind, 'teardown');
  const alone = legsOf(await smallPlan({ cpus: 1 })).map((leg) => leg.kind);
  assert.ok(!alone.includes('remote'));
});

/** A leg of 20 ms in which one callback ran from 5.02 ms on for 0.5 ms. */
function oneCallback() {
  const shared = createShared(3);
  shared.timeline[TIMELINE.start] = 1000;
  shared.timeline[TIMELINE.offlines] = 1;
  shared.timeline[TIMELINE.first] = 1005.02;
  shared.timeline[TIMELINE.first + 1] = 0.5;
  const due = (cpu: number, ms: number, ns: number) => {
    shared.worst[stallBase(cpu) + Math.floor(ms / STALL_BIN_MS)] = ns;
  };
  return { shared, due };
}

test('the longest latency during a callback is told from those before and after it', () => {
  const { shared, due } = oneCallback();
  due(0, 5.2, 70_000);
  due(1, 5.33, 90_000);
  due(0, 7, 400_000);
  due(0, 3, 300_000);
  const stalls = emptyStalls();
  addStalls(stalls, shared, [0, 1], 20);
  assert.equal(stalls.callbacks, 1);
  assert.deepEqual(stalls.longestNs, [90_000]);
  assert.equal(Math.round(stalls.offlineNs[0] ?? 0), 500_000);
  // 5.33 ms is in the sixth bin after that of the start.
  assert.equal(stalls.pictures[0]?.[BINS_BEFORE + 6], 90_000);
  assert.equal(stalls.quietNs, 400_000);
});

test('an operation that was due before a callback and still waited is held up by it', () => {
  const { shared, due } = oneCallback();
  due(0, 4.5, 600_000);
  due(0, 4.6, 100_000);
  const stalls = emptyStalls();
  addStalls(stalls, shared, [0], 20);
  assert.deepEqual(stalls.longestNs, [600_000]);
});

test('CPUs that were not measured do not show, nor do callbacks cut off by the end', () => {
  const { shared, due } = oneCallback();
  due(2, 5.2, 70_000);
  const stalls = emptyStalls();
  addStalls(stalls, shared, [0, 1], 20);
  assert.deepEqual(stalls.longestNs, [0]);
  const cut = emptyStalls();
  addStalls(cut, shared, [0, 1], 6);
  assert.equal(cut.callbacks, 0);
});
