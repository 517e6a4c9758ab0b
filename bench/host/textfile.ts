/** Writing a file that somebody else reads at any time: beside its name first, then renamed. */
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UsageError } from '../errors.ts';
import { quote } from '../option-values.ts';

function reason(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Replaces a file as a whole; readable for all, as another user's collector reads it. @throws UsageError */
export function replaceFile(file: string, text: string): void {
  // The collector takes *.prom: the name it has until it is whole must not end like that.
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.tmp`);
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (stats !== undefined && !stats.isFile()) throw new Error('it is not a file');
    writeFileSync(temporary, text, { mode: 0o644 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new UsageError(
      `--openmetrics: cannot write ${quote(file)} (${reason(error)}); give a file in a folder that can be written`,
    );
  }
}
