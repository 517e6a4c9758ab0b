/** docs/fidelity.md out of facts: the same facts give the same text. */
import type { Comparison, FidelityFacts, SelftestFact } from './facts.ts';
import {
  ABSENT,
  APPROXIMATE,
  EXACT,
  NOT_HELD,
  type OtherPart,
  RATIO_ONLY,
  type Unheld,
} from './statements.ts';

const HEAD = `# How faithful the model is

What the model has of the kernel exactly, what approximately, what not at all, and every published number that it
was held against, with the difference. The sentences are in \`reports/fidelity/statements.ts\`; the numbers are
taken from records of the commands that stand beside them. \`npm run fidelity\` runs those and writes this file
and \`docs/fidelity.json\`, from which the tests make it anew. It says nothing about time: see
[the last two tables](#only-as-ratios).
`;

const GROUPS: readonly [Comparison['group'], string][] = [
  ['geometry', 'Geometry of slabs'],
  ['structures', 'Sizes and stocks'],
  ['leak', 'Days of a host'],
];

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const lines = [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(row.map(cell))),
  ];
  return `${lines.join('\n')}\n`;
}

/** Whole numbers from 100 on, three digits below. */
function figure(value: number): string {
  const shown = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  // A figure that is exact to more digits, such as 350.25, is shown with them.
  const exact = Number(value.toFixed(2)) === value ? value : shown;
  return exact.toLocaleString('en-US', { maximumFractionDigits: 4 });
}

/** The end of the published range that is nearest to the model's number; the number itself within it. */
function nearest({ published, model }: Comparison): number {
  if (typeof published === 'number') return published;
  return Math.min(Math.max(model, published[0]), published[1]);
}

/** Relative difference, 0.1 is 10 %; null where nothing can be divided by. */
export function relativeDifference(comparison: Comparison): number | null {
  const { model } = comparison;
  const wanted = nearest(comparison);
  if (model === wanted) return 0;
  return wanted === 0 ? null : (model - wanted) / wanted;
}

/** One decimal below 10 %, and one digit of what is less than 0.1 %. */
function percent(share: number): string {
  const value = 100 * share;
  const small = Math.abs(value) < 0.1 ? value.toPrecision(1) : value.toFixed(1);
  return `${value > 0 ? '+' : ''}${Math.abs(value) < 10 ? small : value.toFixed(0)} %`;
}

function differenceText(comparison: Comparison): string {
  const { published, model } = comparison;
  const relative = relativeDifference(comparison);
  if (relative === null) return `${model > 0 ? '+' : ''}${figure(model)}`;
  if (relative === 0) return typeof published === 'number' ? '0' : 'within';
  return percent(relative);
}

function publishedText({ published, unit }: Comparison): string {
  const text =
    typeof published === 'number' ? figure(published) : published.map(figure).join(' to ');
  return unit === '' ? text : `${text} ${unit}`;
}

function code(command: string): string {
  return `\`${command}\``;
}

/** A table for each command or test that repeats its rows, named above it. */
function comparisonTables(rows: readonly Comparison[]): string[] {
  const commands = [...new Set(rows.map(({ command }) => command))];
  return commands.flatMap((command) => [
    `${code(command)}\n`,
    table(
      ['source', 'what', 'published', 'model', 'difference', 'agreement'],
      rows
        .filter((row) => row.command === command)
        .map((row) => [
          ...[row.source, row.what, publishedText(row), figure(row.model)],
          ...[differenceText(row), row.agreement],
        ]),
    ),
  ]);
}

/** How many are how far off, and which are furthest. */
function summary(rows: readonly Comparison[]): string {
  const off = (row: Comparison): number => Math.abs(relativeDifference(row) ?? Math.abs(row.model));
  const within = (limit: number): number => rows.filter((row) => off(row) <= limit).length;
  const far = rows.filter((row) => off(row) > 0.2).sort((a, b) => off(b) - off(a));
  const lines = [
    `${rows.length} numbers: ${within(0)} equal or within the published range, ${within(0.1)} within 10 %, ${within(0.2)} within 20 %.`,
    ...(far.length === 0 ? [] : ['Further off:']),
  ];
  const items = far.map(
    (row) =>
      `- ${row.what}: ${publishedText(row)} published, ${figure(row.model)} in the model (${differenceText(row)}).`,
  );
  return `${[...lines, ...(items.length === 0 ? [] : ['', ...items])].join('\n')}\n`;
}

function numbers({ comparisons }: FidelityFacts): string[] {
  return [
    '## Published numbers\n',
    '`exact`: it must be equal, and a test says so. `tested`: nothing was chosen to get it. `fitted`: a value of the\n' +
      'scenario that nobody published was chosen with this number in view; that it agrees says only that a plausible\n' +
      'value does it ([scenarios.md](scenarios.md) says which). Differences are relative to what was published, to the nearer\n' +
      'end of a range; where 0 was published, the difference itself. kB are 1,024 bytes, MB a million.\n',
    summary(comparisons),
    ...GROUPS.flatMap(([group, title]) => [
      `### ${title}\n`,
      ...comparisonTables(comparisons.filter((row) => row.group === group)),
    ]),
  ];
}

function otherTable(second: string, parts: readonly OtherPart[]): string {
  return table(
    ['what', second],
    parts.map(({ what, text }) => [what, text]),
  );
}

function unheldTable(second: string, rows: readonly Unheld[]): string {
  return table(
    ['source', 'published', second],
    rows.map(({ source, published, text }) => [source, published, text]),
  );
}

function claims({ claims: rows }: FidelityFacts): string[] {
  const verdicts = [...new Set(rows.map(({ verdict }) => verdict))];
  const counts = verdicts.map(
    (one) => `${rows.filter(({ verdict }) => verdict === one).length} ${one}`,
  );
  const odd = rows.filter(({ verdict, expected }) => verdict !== expected);
  const sentence =
    odd.length === 0
      ? 'All came out as expected'
      : `${odd.length} came out otherwise than expected`;
  return [
    '## Sentences of the mails\n',
    `\`slabsplice claims\`: ${rows.length} sentences, ${counts.join(', ')}. ${sentence}. [claims.md](claims.md) has each with its figures.\n`,
    table(
      ['claim', 'verdict', 'expected'],
      rows.map(({ id, verdict, expected }) => [`[${id}](claims.md#${id})`, verdict, expected]),
    ),
  ];
}

function asExpected({ ok, expected, outcome }: SelftestFact): boolean {
  return outcome === undefined ? ok === (expected === 'pass') : outcome === expected;
}

function selftests({ selftest }: FidelityFacts): string[] {
  if (selftest === null) return [];
  const strategies = [...new Set(selftest.map(({ strategy }) => strategy))];
  const rows = strategies.map((name) => {
    const mine = selftest.filter(({ strategy }) => strategy === name);
    const wanted = (outcome: SelftestFact['expected']): string =>
      String(mine.filter(({ expected }) => expected === outcome).length);
    return [
      ...[code(name), String(mine.length), wanted('pass'), wanted('fail'), wanted('skip')],
      String(mine.filter(asExpected).length),
    ];
  });
  const odd = selftest.filter((one) => !asExpected(one));
  return [
    "## The kernel's selftests\n",
    '`slabsplice selftest`: what each kernel does is stated beforehand, and an unexpected pass counts as much as an\nunexpected failure.\n',
    table(['strategy', 'tests', 'to pass', 'to fail', 'to skip', 'as expected'], rows),
    ...(odd.length === 0
      ? []
      : [
          `${odd.map(({ name, strategy, detail }) => `- ${name} under ${code(strategy)}: ${detail}`).join('\n')}\n`,
        ]),
  ];
}

/** The whole document, ended by a newline. */
export function renderFidelity(facts: FidelityFacts): string {
  const { caches, mergedNames, sharedCaches, ownCaches } = facts.geometry;
  return [
    HEAD,
    '## Exactly\n',
    table(
      ['what', 'rule', 'shown by'],
      EXACT.map(({ what, rule, shownBy }) => [what, rule, shownBy]),
    ),
    `The recorded host has ${caches} caches; ${mergedNames} names share ${sharedCaches} of them, ${ownCaches} have their slabs for themselves.\n`,
    '## Approximately\n',
    otherTable('how it differs', APPROXIMATE),
    '## Not at all\n',
    otherTable('why', ABSENT),
    ...numbers(facts),
    ...claims(facts),
    ...selftests(facts),
    '## Only as ratios\n',
    'Times and rates of other machines. Their ratios have something beside them here, which depends on the machine\nand is not in this file.\n',
    unheldTable('beside it', RATIO_ONLY),
    '## Not held against\n',
    unheldTable('why', NOT_HELD),
  ].join('\n');
}
