/** docs/scenario-parameters.md says what the parameters of scenarios are: it is made from them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACTION,
  KIND,
  type Parameter,
  rangeText,
  SECTIONS,
  type Section,
  TOP,
} from '../../bench/leak/parameters.ts';
import { matchesFile } from '../reports/golden-file.ts';

const HEAD = `# Parameters of a scenario

Made by the tests from \`bench/leak/parameters.ts\` (\`UPDATE_GOLDEN=1 npm test -- parameters-document\`). A
parameter without a default must be given. \`--set\` and \`--vary\` take the name with its section, such as
\`host.cpus\` or \`kinds.timer.share\`, or its last word where that is clear.
`;

const SECTION_HEADS: Readonly<Record<string, string>> = {
  '': 'At the top',
  host: 'The machine and its kernel: `host`',
  files: 'The files that everybody uses: `files`',
  pressure: 'Memory pressure: `pressure`',
  kinds: 'Kinds of cgroups: the list `kinds`',
  actions: 'What is done to the whole host: the list `actions`',
};

function row(key: string, parameter: Parameter): string {
  const unit = 'unit' in parameter ? `, ${parameter.unit}` : '';
  const range = rangeText(parameter).replaceAll('|', '\\|') + unit;
  return `| \`${key}\` | ${parameter.meaning} | ${range} | ${parameter.standard ?? ''} |`;
}

function section(name: string, spec: Section): string {
  const rows = Object.entries(spec).map(([key, parameter]) => row(key, parameter));
  return [
    `## ${SECTION_HEADS[name] ?? name}`,
    '',
    '| parameter | meaning | range, unit | default |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

test('docs/scenario-parameters.md lists every parameter', () => {
  const sections = { '': TOP, ...SECTIONS, kinds: KIND, actions: ACTION };
  const text = Object.entries(sections).map(([name, spec]) => section(name, spec));
  assert.ok(text.every((one) => one.includes('| `')));
  matchesFile('docs/scenario-parameters.md', `${HEAD}\n${text.join('\n')}`);
});
