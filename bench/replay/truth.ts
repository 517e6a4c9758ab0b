/** What a kernel's counters said at the sample markers of a trace: a TSV with a header (data/README.md). */
import { InputError } from '../errors.ts';
import { readInputText } from '../input/read-input.ts';

/** One row of it. */
export interface TruthRow {
  readonly sample: number;
  readonly phase: string;
  /** Dying cgroups of the traced workload. */
  readonly dying: number;
}

/** Column of the dying cgroups: those of the workload, or all where it has only those. */
const DYING = ['own_dying', 'dying'];

/** Reads it. @throws InputError */
export async function readTruth(file: string): Promise<TruthRow[]> {
  const lines = (await readInputText(file)).split('\n').filter((line) => line.trim() !== '');
  const header = lines[0]?.split('\t') ?? [];
  const sample = header.indexOf('sample');
  const phase = header.indexOf('phase');
  const dying = DYING.map((name) => header.indexOf(name)).find((at) => at >= 0) ?? -1;
  if (sample < 0 || dying < 0) {
    const todo = 'give a table with tabs whose header has sample and own_dying or dying';
    throw new InputError(file, 1, 'is not a table of measured values', todo);
  }
  return lines.slice(1).map((line, index) => {
    const cells = line.split('\t');
    const [number, count] = [
      Number(cells[sample] || Number.NaN),
      Number(cells[dying] || Number.NaN),
    ];
    if (!Number.isInteger(number) || !Number.isInteger(count)) {
      throw new InputError(
        file,
        index + 2,
        'sample or dying is no whole number',
        'correct it there',
      );
    }
    return { sample: number, phase: cells[phase] ?? '', dying: count };
  });
}
