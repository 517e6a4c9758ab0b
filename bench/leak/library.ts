/** Scenarios that come along, and the published numbers that they are held against. */
import { readdirSync, readFileSync } from 'node:fs';
import type { LeakPublished } from '../../reports/index.ts';
import { UsageError } from '../errors.ts';
import { readInputText } from '../input/read-input.ts';
import { quote } from '../option-values.ts';
import { type ReadScenario, readScenario } from './scenario.ts';

/** Three levels up, both from dist/bench/leak and in an installed package. */
const FOLDER = new URL('../../../bench/scenarios/', import.meta.url);
const ENDING = '.json';
/** Files of the folder that are no scenarios. */
const OTHERS = ['published', 'scenario.schema'];

/** Names of the scenarios that come along. */
export function scenarioNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .filter((name) => !OTHERS.includes(name))
    .sort();
}

/** The text of a scenario that comes along. */
export function scenarioText(name: string): string {
  return readFileSync(new URL(name + ENDING, FOLDER), 'utf8');
}

/** Reads a scenario by its name, or from a file. @throws InputError, UsageError */
export async function loadScenario(nameOrFile: string): Promise<ReadScenario> {
  const names = scenarioNames();
  if (names.includes(nameOrFile)) {
    return readScenario(scenarioText(nameOrFile), nameOrFile + ENDING);
  }
  if (!/[./\\]/.test(nameOrFile)) {
    throw new UsageError(
      `--scenario: there is no scenario ${quote(nameOrFile)}; give a file, or one of ${names.join(', ')}`,
    );
  }
  return readScenario(await readInputText(nameOrFile), nameOrFile);
}

/** What was published about a scenario that comes along; the simulation never sees it. */
export function publishedFor(name: string): LeakPublished | null {
  const all = JSON.parse(readFileSync(new URL('published.json', FOLDER), 'utf8')) as Record<
    string,
    LeakPublished | undefined
  >;
  return all[name] ?? null;
}
