/** What is timed in records: removals, allocations and frees, throughput and stalls. */
import type { CompareRecord } from '../record.ts';
import type { CompareResults } from '../results.ts';
import type { StormResults } from '../results-storm.ts';
import { exactItem, type RecordItems, type TimedItem } from './items.ts';
import { RECORD_NOISE } from './noise.ts';

const PARTS_OF_GROUP = { removal: 'removal', handover: 'hand-over' } as const;

/** Over how many workers the rounds of a removal were spread; all in one where the record does not say. */
function isolatesOf({ isolates }: CompareRecord['parameters']): number {
  return typeof isolates === 'number' && isolates >= 1 ? isolates : 1;
}

function removals({ results, parameters }: CompareRecord): TimedItem[] {
  // What workers differ by averages out; what rounds show is counted by their intervals.
  const averaged = Math.sqrt(isolatesOf(parameters));

  return results.offline.map((row) => {
    const { strategy, pages, caches, order, temperature, what, rounds } = row;
    const group = `${PARTS_OF_GROUP[what]}/${strategy}`;
    return {
      ...{ kind: 'timed', unit: 'ns', better: 'lower', rounds },
      key: `${group}/${pages} pages/${caches} caches/${order}/${temperature}`,
      group: `${group}/${temperature}`,
      noise:
        (temperature === 'warm' ? RECORD_NOISE.removalWarm : RECORD_NOISE.removalCold) / averaged,
    };
  });
}

function hotPath({ hotPath: rows }: CompareResults): TimedItem[] {
  return rows.map(({ strategy, operation, cpus, rounds }) => ({
    ...{ kind: 'timed', unit: 'ns', better: 'lower', rounds, noise: RECORD_NOISE.hotPath },
    key: `alloc and free/${strategy}/${operation}${cpus === 1 ? '' : `/${cpus} CPUs`}`,
    group: `alloc and free/${strategy}`,
  }));
}

/** Items of `compare`, and of that part of `run`. */
export function compareItems(record: CompareRecord): RecordItems {
  const { footprint, leftBehind } = record.results;
  return {
    items: [
      ...removals(record),
      ...hotPath(record.results),
      ...footprint.flatMap(({ strategy, pages, bytesPerPage, bytesPerObject }) => [
        exactItem([`memory/${strategy}`, `${pages} pages`, 'bytes a page'], 'bytes', bytesPerPage),
        exactItem(
          [`memory/${strategy}`, `${pages} pages`, 'bytes an object'],
          'bytes',
          bytesPerObject,
        ),
      ]),
      ...leftBehind.flatMap(({ strategy, pages, dying, pinnedBytes }) => [
        exactItem([`left behind/${strategy}`, `${pages} pages`, 'dying cgroups'], 'count', dying),
        exactItem([`left behind/${strategy}`, `${pages} pages`, 'pinned'], 'bytes', pinnedBytes),
      ]),
    ],
    leftOut: [],
  };
}

type Timing = Pick<TimedItem, 'unit' | 'better' | 'rounds'>;

function stormItem(strategy: string, what: string, timing: Timing): TimedItem {
  return {
    ...{ kind: 'timed', noise: RECORD_NOISE.storm, ...timing },
    ...{ key: `storm/${strategy}/${what}`, group: `storm/${strategy}` },
  };
}

/** Items of `storm`, and of that part of `run`. */
export function stormItems(results: StormResults): RecordItems {
  const { storm, scaling, remote } = results;
  const latencies = storm.flatMap(({ strategy, allocP999Rounds, stallRounds }) => [
    ...(allocP999Rounds === undefined
      ? []
      : [
          stormItem(strategy, 'alloc p99.9', {
            ...{ unit: 'ns', better: 'lower', rounds: allocP999Rounds },
          }),
        ]),
    ...(stallRounds === undefined
      ? []
      : [stormItem(strategy, 'stall', { unit: 'ns', better: 'lower', rounds: stallRounds })]),
  ]);
  const items = [
    ...storm.map(({ strategy, rounds }) =>
      stormItem(strategy, 'operations', { unit: 'per second', better: 'higher', rounds }),
    ),
    ...scaling.map(({ strategy, cpus, rounds }) =>
      stormItem(strategy, `${cpus} CPUs against 1`, { unit: 'ratio', better: 'higher', rounds }),
    ),
    ...remote.map(({ strategy, rounds }) =>
      stormItem(strategy, 'remote free against local', {
        ...{ unit: 'ratio', better: 'lower', rounds },
      }),
    ),
    ...latencies,
    ...storm.map(({ strategy, violations }) =>
      exactItem([`storm/${strategy}`, 'broken invariants'], 'count', violations),
    ),
  ];
  const old = storm.some(({ allocP999Rounds }) => allocP999Rounds === undefined);
  return {
    items,
    leftOut: old
      ? ['storm: latencies, of which a record may hold no values by round; run storm again']
      : [],
  };
}
