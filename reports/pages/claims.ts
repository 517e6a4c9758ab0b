/** The page of `claims`: how each sentence came out, why, and where it fails the state that shows it. */
import { distinct, sentence } from '../explore-words.ts';
import { formatCount, formatCounted, formatList, formatNumber } from '../format.ts';
import type { ClaimsRecord } from '../record.ts';
import type { ClaimResult, ClaimVerdict, ClaimWitness } from '../results-claims.ts';
import { failedChecks } from '../words.ts';
import { environmentFacts } from './environment.ts';
import { traceOf } from './explore-broken.ts';
import type { Cell, Entry, Note, Page, Row, Section, Tone } from './page.ts';

const TONES: Record<ClaimVerdict, Tone> = {
  holds: 'good',
  'holds with limits': 'warn',
  fails: 'bad',
  'cannot tell': 'quiet',
  'not modelled': 'quiet',
};

const GROUPS: readonly [group: ClaimResult['group'], title: string][] = [
  ['cover letter', 'Claims of the cover letter'],
  ['patch text', 'Claims of the patch texts'],
  ['open question', 'Questions that the review of v5 left open'],
  ['May 2026', 'What was said of later designs in May 2026'],
];

function isExpected({ verdict, expected }: ClaimResult): boolean {
  return verdict === expected;
}

function verdictCell({ verdict }: ClaimResult): Cell {
  return { text: verdict, tone: TONES[verdict] };
}

function tableRow(claim: ClaimResult): Row {
  const as = isExpected(claim);
  const schedules = claim.searches.reduce((sum, one) => sum + one.schedules, 0);
  return {
    label: claim.id,
    cells: [
      verdictCell(claim),
      as ? { text: 'yes', tone: 'good' } : { text: `NO: ${claim.expected}`, tone: 'bad' },
      { text: formatCount(schedules) },
    ],
  };
}

/** The schedule and what it shows; the state alone where that is enough. */
function witnessParts({ what, schedule, command }: ClaimWitness): Entry['parts'] {
  if (schedule === '') return [{ name: 'Smallest', text: sentence(what) }];
  return [
    { name: 'Shown by', text: `${sentence(what)} Schedule ${schedule}` },
    { name: 'Replay', text: command },
  ];
}

function entryOf(claim: ClaimResult): Entry {
  const { id, statement, source, evidence, resolution, witnesses, command, verdict } = claim;
  const { expected, expectedSource } = claim;
  return {
    title: `${id}: ${statement}`,
    parts: [
      { name: 'Stands in', text: sentence(source) },
      { name: 'Verdict', text: `${verdict}.`, tone: TONES[verdict] },
      ...(isExpected(claim)
        ? []
        : [{ name: 'Expected', text: `${expected} (${expectedSource}).`, tone: 'bad' as const }]),
      { name: 'Found', text: evidence },
      ...witnesses.flatMap(witnessParts),
      ...(resolution === '' ? [] : [{ name: 'Decided', text: resolution }]),
      { name: 'Repeat', text: command },
    ],
  };
}

function groupSections(claims: readonly ClaimResult[]): Section[] {
  return GROUPS.flatMap(([group, title]) => {
    const ofGroup = claims.filter((claim) => claim.group === group);
    if (ofGroup.length === 0) return [];
    return [
      {
        title,
        how: 'in our words, and what was found.',
        entries: ofGroup.map(entryOf),
      },
    ];
  });
}

function tableSection(claims: readonly ClaimResult[]): Section[] {
  if (claims.length === 0) return [];
  return [
    {
      title: `Claims put to ${formatList(distinct(claims.map(({ strategy }) => strategy)))}`,
      how: 'the verdict, whether it is what the rules of its kernel lead to, and schedules that were run for it.',
      table: {
        columns: ['verdict', 'expected', 'schedules'],
        rows: claims.map(tableRow),
        wrapLabels: true,
      },
    },
  ];
}

function searchRow(search: ClaimResult['searches'][number]): Row {
  const { scenario, variant, broke, schedules, preemptionBound, exhaustive } = search;
  const where = variant === '' || variant === scenario ? scenario : `${variant}: ${scenario}`;
  const clean: Cell = exhaustive ? { text: 'nothing', tone: 'good' } : { text: 'cut short' };
  return {
    label: where,
    cells: [
      broke === '' ? clean : { text: broke, tone: 'warn' },
      { text: formatCount(schedules) },
      { text: formatCount(preemptionBound) },
    ],
  };
}

/** A claim alone is told in full: what was run, figures, searches, and the schedules step by step. */
function detailSections(claims: readonly ClaimResult[]): Section[] {
  const [claim] = claims;
  if (claim === undefined || claims.length > 1) return [];
  const { figures, searches, witnesses, experiment, expected, expectedSource } = claim;
  const figureRows = figures.map(({ name, value }) => ({
    label: name,
    cells: [{ text: formatNumber(value) }],
  }));
  const run: Section = {
    title: 'The experiment',
    how: experiment,
    notes: [{ text: `Expected: ${expected} (${expectedSource}).`, tone: 'quiet' }],
    ...(figures.length === 0
      ? {}
      : { table: { columns: ['measured'], rows: figureRows, wrapLabels: true as const } }),
  };
  const searched: Section = {
    title: 'Schedules',
    how: 'what broke, schedules run until then or in all, and the bound of preemptions. A bug that was put back, or a suspicion, stands before its scenario.',
    table: {
      columns: ['broke', 'schedules', 'bound'],
      rows: searches.map(searchRow),
      wrapLabels: true,
    },
  };
  const told = witnesses.flatMap(({ what, command, violation }): Section[] =>
    violation === null
      ? []
      : [
          {
            title: `Schedule ${violation.schedule}`,
            how: sentence(what),
            trace: traceOf(violation),
            notes: [{ text: `To see it again: ${command}`, tone: 'quiet' }],
          },
        ],
  );
  return [run, ...(searches.length === 0 ? [] : [searched]), ...told];
}

function failureSection({ results }: ClaimsRecord): Section[] {
  if (results.failures.length === 0) return [];
  return [
    {
      title: 'Experiments failed',
      how: 'neither for nor against a claim.',
      notes: results.failures.map((text): Note => ({ text, tone: 'bad' })),
    },
  ];
}

/** `9 hold, 7 hold with limits, …`, with the names of those that fail. */
function verdictNotes(record: ClaimsRecord): Note[] {
  const { claims } = record.results;
  const cut: Note[] = record.complete
    ? []
    : [
        {
          text: `Cut short: ${formatCounted(claims.length, 'claim')} came to a verdict; what follows is of that.`,
          tone: 'bad',
        },
      ];
  const of = (verdict: ClaimVerdict) => claims.filter((claim) => claim.verdict === verdict);
  const named = (verdict: ClaimVerdict) => formatList(of(verdict).map(({ id }) => id));
  const line = (verdict: ClaimVerdict, one: string, more: string): Note[] =>
    of(verdict).length === 0
      ? []
      : [
          {
            text: `${formatCounted(of(verdict).length, 'claim')} ${of(verdict).length === 1 ? one : more}: ${named(verdict)}.`,
            tone: TONES[verdict],
          },
        ];
  return [
    ...cut,
    ...line('holds', 'holds', 'hold'),
    ...line('holds with limits', 'holds with limits', 'hold with limits'),
    ...line('fails', 'fails', 'fail'),
    ...line('cannot tell', 'is undecided', 'are undecided'),
    ...line('not modelled', 'is not modelled', 'are not modelled'),
    ...failedChecks(record.checks),
  ];
}

/** Builds the page of claims. */
export function claimsPage(record: ClaimsRecord): Page {
  const { claims } = record.results;
  return {
    title: `slabsplice ${record.version} claims: what the patch mails say, checked on the model`,
    facts: environmentFacts(record),
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      ...tableSection(claims),
      ...groupSections(claims),
      ...detailSections(claims),
      ...failureSection(record),
    ],
    verdict: verdictNotes(record),
  };
}
