/** What was typed, as a record keeps it: whoever repeats a run wants its output somewhere else. */

/** Options about output alone, and whether they must have a value. */
const OUTPUTS: ReadonlyMap<string, 'value' | 'perhaps' | 'none'> = new Map([
  ['--json', 'perhaps'],
  ['--out', 'value'],
  ['--html', 'value'],
  ['--no-color', 'none'],
]);

/**
 * The words behind `slabsplice` that make the same record again.
 * @param command the name of the command, which may have been left out
 */
export function repeatable(command: string, argv: readonly string[]): string[] {
  const words = argv[0] === command ? argv.slice(1) : argv;
  const kept = [command];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [name = ''] = word.split('=', 1);
    const takes = OUTPUTS.get(name);
    if (takes === undefined) {
      kept.push(word);
      continue;
    }
    const next = words[at + 1];
    const isValue = next !== undefined && (next === '-' || !next.startsWith('-'));
    if (word === name && (takes === 'value' || (takes === 'perhaps' && isValue))) at++;
  }
  return kept;
}
