/** docs/claims.md out of what `claims` finds, so that the document is what anyone can repeat. */
import type { ClaimResult, ClaimWitness } from '../../reports/index.ts';

const HEAD = `# What the patch mails say, checked

The series "mm: reparent slab memory on cgroup removal" (2019) argues in sentences. Here is each of them, in
our words, with where it stands, what was run on the model to decide it, and what was found. Four questions
that the review of v5 left open on 2019-05-28 come after them: v5's form was put back for them. At the end are
three sentences of May 2026, when a later design lost two thirds of its speed on large machines: they are put to
that design and its mends.

\`slabsplice claims\` checks all of them, within a minute; \`slabsplice claims --only ID\` one, with every figure
and the schedules step by step. Nothing is remembered from run to run: a verdict follows from what its
experiment measures. \`expected\` is what the rules of Linux 5.3 lead to; a verdict that differs is exit code 1.

- **holds**: everywhere that was looked.
- **holds with limits**: as it is meant, and there is a state or a schedule where it does not.
- **fails**: it is not true; the smallest state or schedule that shows it stands beside it.
- **not modelled**: nothing was run.

They are statements about a model that has the kernel's steps as its sources and mails give them; no kernel
was run. This file is written by the tests (\`UPDATE_GOLDEN=1 npm test -- claims\`) and compared with by them.
`;

const GROUPS: readonly [ClaimResult['group'], string][] = [
  ['cover letter', 'The cover letter'],
  ['patch text', 'The texts of the patches'],
  ['open question', 'Open questions of the review of v5'],
  ['May 2026', 'May 2026: what was said of later designs'],
];

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function witnessLine({ what, schedule, command }: ClaimWitness): string {
  if (schedule === '') return `- **Smallest state:** ${what}`;
  return `- **Schedule:** \`${schedule}\`, ${what} (\`${command}\`)`;
}

function section(claim: ClaimResult): string[] {
  const { id, statement, source, experiment, verdict, evidence, witnesses } = claim;
  const { expectedSource, resolution, command } = claim;
  return [
    `### ${id}`,
    '',
    `> ${statement}`,
    '',
    `- **Stands in:** ${source}`,
    `- **Experiment:** ${experiment}`,
    `- **Verdict:** ${verdict}, as expected (${expectedSource})`,
    `- **Found:** ${evidence}`,
    ...witnesses.map(witnessLine),
    ...(resolution === '' ? [] : [`- **Decided:** ${resolution}`]),
    `- **Repeat:** \`${command}\``,
    '',
  ];
}

/** The document. */
export function claimsDocument(claims: readonly ClaimResult[]): string {
  const table = [
    '| claim | verdict | in short |',
    '| --- | --- | --- |',
    ...claims.map(
      ({ id, verdict, statement }) => `| [${id}](#${id}) | ${verdict} | ${cell(statement)} |`,
    ),
    '',
  ];
  const groups = GROUPS.flatMap(([group, title]) => [
    `## ${title}`,
    '',
    ...claims.filter((claim) => claim.group === group).flatMap(section),
  ]);
  return `${[HEAD, ...table, ...groups].join('\n').trimEnd()}\n`;
}
