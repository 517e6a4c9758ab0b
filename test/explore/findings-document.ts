/** docs/findings.md out of what the explorer says, so that the document is what anyone can repeat. */
import type { ExploreFinding, ExploreStep } from '../../reports/index.ts';

const HEAD = `# What the faithful rules really do

The patch mails argue about races in prose. Here are the suspicions that were left over (D1 to D6 of the
specification this model follows), one that a soak of \`storm\` met (D7), one that \`explore\` itself met (D8)
and one that had been argued away (M17); then the same for the design of 5.9, an owner per object, with two
more (D9, D10) and a repair that repaired nothing that could happen (M27). Each is put to the model: the rules
of the kernel as they were, under every schedule of a small machine with at most two preemptions. The core that
is benchmarked follows these rules, except where a row says "patched back".

They are statements about a model. It has the kernel's steps as its sources and mails give them; none of
these was tried on a kernel.

Repeat one with \`slabsplice explore --finding D1\`, all with \`--finding all\`. A schedule such as \`12:1,52:0\`
says that before decision 12 CPU 1 goes on, and before decision 52 CPU 0; a CPU makes a decision whenever it
comes to a shared step, waits or ends. This file is written by the tests (\`UPDATE_GOLDEN=1 npm test --
findings\`) and compared with by them.
`;

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function stepRows(steps: readonly ExploreStep[], cpus: number): string[] {
  return steps.map(({ cpu, text, source }) => {
    const lanes = Array.from({ length: cpus }, (_, lane) => (lane === cpu ? cell(text) : ''));
    return `| ${[...lanes, `\`${source}\``].join(' | ')} |`;
  });
}

function section(finding: ExploreFinding, patched: boolean): string[] {
  const { violation, verdict } = finding;
  const how =
    verdict === 'shown'
      ? `shown by the schedule \`${finding.shortest}\``
      : `${verdict}: no schedule with at most ${finding.preemptionBound} preemptions shows it (${finding.schedules} were run; the others are equal to one of them)`;
  const lines = [
    `## ${finding.id}: ${finding.statement}`,
    '',
    `- **Kernels:** ${finding.kernels}${patched ? '; patched back into the core, which is repaired' : ''}`,
    `- **Verdict:** ${how}`,
    `- **Consequence:** ${finding.consequence}`,
    `- **Remedy:** ${finding.remedy}`,
    '',
  ];
  if (violation === null) return lines;
  const heads = violation.threads.map((title, cpu) => `CPU ${cpu}: ${cell(title)}`);
  return [
    ...lines,
    `What broke: ${violation.invariant}: ${violation.detail}. The steps that matter:`,
    '',
    `| ${[...heads, 'source'].join(' | ')} |`,
    `| ${[...heads, ''].map(() => '---').join(' | ')} |`,
    ...stepRows(violation.steps, violation.threads.length),
    '',
    `In the end: ${violation.rows.map(({ name, state }) => `${name} ${state}`).join('. ')}.`,
    '',
  ];
}

/** The document. */
export function findingsDocument(
  findings: readonly { readonly finding: ExploreFinding; readonly patched: boolean }[],
): string {
  const sections = findings.flatMap(({ finding, patched }) => section(finding, patched));
  return `${[HEAD, ...sections].join('\n').trimEnd()}\n`;
}
