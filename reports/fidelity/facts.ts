/** What docs/fidelity.md is made of: the few numbers of the records that published ones are held against. */
import { z } from 'zod';
import { valueAt } from '../leak-summary.ts';
import type { ClaimsRecord, GeometryRecord, LeakRecord } from '../record.ts';
import { count, name, open } from '../results-parts.ts';
import { LEAK_MEASURES } from './leak-measures.ts';

const comparisonSchema = open({
  group: z.enum(['geometry', 'structures', 'leak']),
  source: name,
  what: name,
  unit: z.string(),
  /** A number, or the least and the most that was published. */
  published: z.union([z.number(), z.tuple([z.number(), z.number()])]),
  model: z.number(),
  /** `fitted`: a value of the scenario was chosen with this number in view. */
  agreement: z.enum(['exact', 'tested', 'fitted']),
  /** Repeats it: a command, or a test file. */
  command: name,
});

const claimFact = open({ id: name, verdict: name, expected: name });

/** One kernel selftest under one strategy; as the records of `selftest` have it. */
const selftestFact = open({
  name,
  strategy: name,
  /** Whether the test passed. */
  ok: z.boolean(),
  expected: z.enum(['pass', 'fail', 'skip']),
  /** Absent: `ok` says it all. */
  outcome: z.string().optional(),
  detail: z.string(),
});

/** Schema of docs/fidelity.json. */
export const fidelityFactsSchema = z.strictObject({
  comparisons: z.array(comparisonSchema),
  claims: z.array(claimFact),
  /** Null where the command was not there. */
  selftest: z.array(selftestFact).nullable(),
  geometry: open({ caches: count, mergedNames: count, sharedCaches: count, ownCaches: count }),
});

/** What the document is made of. */
export type FidelityFacts = z.infer<typeof fidelityFactsSchema>;
/** A published number and the model's. */
export type Comparison = z.infer<typeof comparisonSchema>;
/** One selftest under one strategy. */
export type SelftestFact = z.infer<typeof selftestFact>;

/** The result documents that the facts are taken from. */
export interface FidelityRecords {
  readonly geometry: Pick<GeometryRecord, 'results'>;
  readonly leak: readonly Pick<LeakRecord, 'results'>[];
  readonly claims: Pick<ClaimsRecord, 'results'>;
  /** `results.tests` of `selftest`; null where there is no such command. */
  readonly selftest: readonly SelftestFact[] | null;
}

/** Six digits are more than any source has, and keep rounding of the last ones out of the file. */
const rounded = (value: number): number => Number(value.toPrecision(6));

/** The command that gave a record of `leak`. */
function leakCommand({ results }: Pick<LeakRecord, 'results'>): string {
  const { scenario, hostsWanted, series } = results;
  const names = series.map(({ strategy }) => strategy).join(',');
  const kmem = scenario.parameters.find(({ key }) => key === 'host.kmem')?.value;
  const off = kmem === 'off' && scenario.name === 'web-frontend' ? ' --set kmem=off' : '';
  return `slabsplice leak --scenario ${scenario.name} --hosts ${hostsWanted} --strategies ${names}${off}`;
}

/** Scenarios whose dying cgroups nothing was chosen for (docs/scenarios.md). */
const TESTED_COURSES: readonly string[] = ['many-small-jobs'];

/** A row for each day of each published course, and those that LEAK_MEASURES has for the scenario. */
function leakComparisons(record: Pick<LeakRecord, 'results'>): Comparison[] {
  const { scenario, published, days, series, memDiffBytes } = record.results;
  const command = leakCommand(record);
  const off = command.endsWith('kmem=off');
  const key = off ? `${scenario.name}, kmem off` : scenario.name;
  const shared = { group: 'leak' as const, command };
  const measured = LEAK_MEASURES.filter((one) => one.scenario === key).flatMap(
    ({ source, what, unit, published: wanted, agreement, take }): Comparison[] => {
      const model = take(record.results);
      const row = { ...shared, source, what: `${key}: ${what}`, unit, published: wanted };
      return Number.isFinite(model) ? [{ ...row, model: rounded(model), agreement }] : [];
    },
  );
  if (published === null || off) return measured;
  const agreement = TESTED_COURSES.includes(scenario.name) ? 'tested' : 'fitted';
  const course = (
    [what, unit]: readonly [string, string],
    wanted: readonly number[] | null,
    found: readonly number[] | undefined,
  ): Comparison[] =>
    (wanted ?? []).flatMap((value, at): Comparison[] => {
      const day = published.days[at] ?? 0;
      const model = found === undefined ? null : valueAt(days, found, day);
      if (model === null) return [];
      const when = `day ${rounded(Math.round(day * 100) / 100)}`;
      // What is counted may differ a little where a report gives one number; then it is said.
      const counted = published.days.length === 1 ? ` (published: ${published.what})` : '';
      const row = { what: `${key}: ${what}, ${when}${counted}`, unit, published: value };
      return [{ ...shared, source: published.source, ...row, model: rounded(model), agreement }];
    });
  const dying = (strategy: string | null): readonly number[] | undefined =>
    series.find((one) => one.strategy === strategy)?.dying;
  const cgroups = (strategy: string | null) =>
    [`dying under ${strategy ?? 'none'}`, 'cgroups'] as const;
  return [
    ...course(cgroups('pin'), published.original, dying('pin')),
    ...course(cgroups(published.patchedAs), published.patched, dying(published.patchedAs)),
    ...course(
      ['more memory under pin', 'MB'],
      published.memDiffMb,
      memDiffBytes.map((bytes) => bytes / 1e6),
    ),
    ...measured,
  ];
}

function geometryComparisons({ results }: Pick<GeometryRecord, 'results'>): Comparison[] {
  const { caches, mismatches, merging } = results;
  const row = (what: string, published: number, model: number): Comparison => ({
    ...{
      group: 'geometry',
      source: 'host-6.18, /sys/kernel/slab as recorded',
      what,
      unit: 'caches',
    },
    ...{ published, model, agreement: 'exact', command: 'slabsplice geometry host-6.18' },
  });
  const merged = merging === undefined ? 0 : merging.names - merging.mismatches.length;
  return [
    row(
      'size, order, objects, min_partial and cpu_partial as the kernel has them',
      caches.length,
      caches.length - mismatches,
    ),
    {
      ...row('names in the directories that the kernel put them in', merging?.names ?? 0, merged),
      unit: 'names',
    },
  ];
}

/** Pages that statistics may be wrong by: 32 for each CPU and cgroup; the claim has 2 CPUs and 4 cgroups. */
const HELD_BACK = 32 * 2 * 4;

function claimsComparisons({ results }: Pick<ClaimsRecord, 'results'>): Comparison[] {
  const claim = results.claims.find(({ id }) => id === 'global-statistics');
  const figure = claim?.figures.find((one) => one.name === 'pages missing, all held back');
  if (claim === undefined || figure === undefined) return [];
  return [
    {
      ...{ group: 'structures', unit: 'pages', published: HELD_BACK, model: figure.value },
      source: '"mm: memcg/slab: fix percpu slab vmstats flushing", 2019-12-19',
      what: 'most that slab statistics are wrong by, 32 pages for each CPU and cgroup; 2 CPUs, 4 cgroups',
      ...{ agreement: 'tested', command: claim.command },
    },
  ];
}

/**
 * Takes from records what the document needs; `experiments` are comparisons that no command makes.
 * Nothing in it depends on the machine or the time.
 */
export function fidelityFacts(
  { geometry, leak, claims, selftest }: FidelityRecords,
  experiments: readonly Comparison[],
): FidelityFacts {
  const { merging } = geometry.results;
  return {
    comparisons: [
      ...geometryComparisons(geometry),
      ...experiments.map((one) => ({ ...one, model: rounded(one.model) })),
      ...claimsComparisons(claims),
      ...leak.flatMap(leakComparisons),
    ],
    claims: claims.results.claims.map(({ id, verdict, expected }) => ({ id, verdict, expected })),
    selftest:
      selftest?.map(({ name, strategy, ok, expected, outcome, detail }) => ({
        ...{ name, strategy, ok, expected, detail },
        ...(outcome === undefined ? {} : { outcome }),
      })) ?? null,
    geometry: {
      caches: geometry.results.caches.length,
      mergedNames: merging?.names ?? 0,
      sharedCaches: merging?.shared ?? 0,
      ownCaches: merging?.own ?? 0,
    },
  };
}
