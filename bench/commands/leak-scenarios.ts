/** `leak --list-scenarios` and `--print-scenario`: what comes along, and how to begin with one of one's own. */

import { UsageError } from '../errors.ts';
import { loadScenario, scenarioNames, scenarioText } from '../leak/library.ts';
import { quote } from '../option-values.ts';

/** Breaks a text into lines of at most `width` columns. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

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
