/**
 * Reading ftrace text: `cat trace`, `trace_pipe`, `trace-cmd report`, plain or gzip, of any length, in constant
 * memory. `readTrace` reads files; `createTraceReader` takes bytes as they come.
 */
import { type TraceHandler, type TraceOptions, TraceReader } from './ftrace-reader.ts';
import { openTrace, type TraceWatch } from './ftrace-source.ts';
import type { TraceSummary } from './ftrace-summary.ts';

export type { TraceAnomaly } from './ftrace-anomalies.ts';
export { escapeForTerminal } from './ftrace-escape.ts';
export { type TraceHandler, type TraceOptions, TraceReader } from './ftrace-reader.ts';
export { openTrace, type TraceWatch } from './ftrace-source.ts';
export type { TraceSummary } from './ftrace-summary.ts';

/** A reader that refuses what is no trace, unless `refuse` is false. */
export function createTraceReader(handler: TraceHandler, options: TraceOptions): TraceReader {
  return new TraceReader(handler, { refuse: true, ...options });
}

/**
 * Reads files in order, `-` being standard input. What was there of a compressed file that is cut short is read, and
 * is an anomaly. @param use gets the reader before the first byte, to ask for names
 * @throws InputError
 */
export async function readTrace(
  files: readonly string[],
  handler: TraceHandler,
  options: Omit<TraceOptions, 'file'> & Pick<TraceWatch, 'called' | 'read'>,
  use: (reader: TraceReader) => void = () => {},
): Promise<TraceSummary> {
  const { called = {}, read = () => {}, ...rest } = options;
  const nameOf = (file: string) => called[file] ?? file;
  const reader = createTraceReader(handler, { file: nameOf(files[0] ?? '-'), ...rest });
  use(reader);
  const watch = {
    ...{ called, read },
    begin: (file: string) => reader.startFile(nameOf(file)),
    cut: () => reader.cutFile(),
  };
  for await (const chunk of openTrace(files, watch)) reader.push(chunk);
  return reader.end();
}
