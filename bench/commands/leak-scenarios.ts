/** `leak --list-scenarios` and `--print-scenario`: what comes along, and how to begin with one of one's own. */

import { wrap } from '../../reports/index.ts';
import { UsageError } from '../errors.ts';
import { loadScenario, scenarioNames, scenarioText } from '../leak/library.ts';
import { quote } from '../option-values.ts';

/** The names with what they are about, or the text of one. @throws UsageError */
export async function renderScenarios(name: string | undefined, width: number): Promise<string> {
  const names = scenarioNames();
  if (name !== undefined) {
    if (names.includes(name)) return scenarioText(name);
    throw new UsageError(
      `--print-scenario: there is no scenario ${quote(name)}; there are ${names.join(', ')}`,
    );
  }
  const entries = await Promise.all(
    names.map(async (one) => {
      const { scenario } = await loadScenario(one);
      return [one, ...wrap(scenario.about, width - 4).map((line) => `    ${line}`)].join('\n');
    }),
  );
  return `${entries.join('\n\n')}\n`;
}
