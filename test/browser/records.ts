/** Records for pages: one of each kind of picture, and one with very many points. */
import type { ReplayRecord, ResultRecord } from '../../reports/index.ts';
import { claimsRecord } from '../reports/fixtures/claims-record.ts';
import { leakRecord } from '../reports/fixtures/leak-record.ts';
import { syntheticCompare } from '../reports/fixtures/synthetic-compare.ts';
import { syntheticExplore } from '../reports/fixtures/synthetic-explore.ts';
import { syntheticSelftest } from '../reports/fixtures/synthetic-selftest.ts';
import { syntheticStorm } from '../reports/fixtures/synthetic-storm.ts';

/** Replaying a trace with `points` samples, spread over two strategies and a chart each of dying and slab. */
export function longReplay(points: number): ReplayRecord {
  const samples = Math.floor(points / 4);
  const series = ['pin', 'splice-caches'].map((strategy, at) => {
    const t = Array.from({ length: samples }, (_, step) => step / 10);
    return {
      ...{ strategy, t },
      dying: t.map((x, step) => Math.round((2 - at) * (x + 20 * Math.sin(step / 50)) + 40)),
      slabBytes: t.map((x) => 4096 * Math.round((2 - at) * x + 1000)),
      objectBytes: t.map((x) => 4000 * Math.round((2 - at) * x + 1000)),
    };
  });
  const { environment, schema, version, startedAt } = leakRecord();
  const none = { bad: 0, lost: 0, unknownFrees: 0, unknownDeletes: 0, namesMissing: 0 };
  const truth = Array.from({ length: 20 }, (_, sample) => ({
    ...{ sample, t: (sample * samples) / 200, phase: 'all', measured: 50 + sample },
    replayed: { pin: 52 + 2 * sample, 'splice-caches': 50 + sample },
  }));
  return {
    ...{ schema, version, startedAt, environment, command: 'replay', complete: true, seed: 1 },
    parameters: { strategies: ['pin', 'splice-caches'] },
    checks: [],
    results: {
      ...{ ...none, files: ['long.trace'], events: points, lines: points, seconds: samples / 10 },
      ...{ cgroups: 10, removed: 10, eventsPerSecond: {}, skipped: {}, anomalies: {} },
      ...{ anomalyLines: {}, anomalyPlaces: {}, pins: [], releases: [], liveObjects: [] },
      ...{ inferredPins: 0, largeAllocations: 0, failedAllocations: 0, series, truth },
    },
  };
}

const perDay = { key: 'cgroupsPerDay', values: [100, 200, 400] };
const ofFiles = { key: 'files.count', values: [500, 1000] };

/** Everything that a page may show, a part each. */
export function everything(): ResultRecord[] {
  return [
    syntheticCompare(),
    syntheticStorm(),
    leakRecord(),
    leakRecord({ published: false, sweep: [perDay, ofFiles] }),
    syntheticExplore({ strategies: ['splice-caches'], violations: 1 }),
    claimsRecord({ alone: true }),
    syntheticSelftest(),
    longReplay(400),
  ];
}
