/**
 * The result document `slabsplice/1`, which every command writes and every view reads. The envelope
 * is closed, so a misspelt field is found; `environment` and `results` accept further fields.
 * `reports/schema.json` is generated from here (UPDATE_GOLDEN=1 with the schema test).
 */
import { z } from 'zod';
import { capacityResults, compareResults, doctorResults, geometryResults } from './results.ts';
import { claimsResults } from './results-claims.ts';
import { diffResults } from './results-diff.ts';
import { exploreResults } from './results-explore.ts';
import { hostResults } from './results-host.ts';
import { leakResults } from './results-leak.ts';
import { amount, count, open } from './results-parts.ts';
import { replayResults } from './results-replay.ts';
import { selftestResults } from './results-selftest.ts';
import { stormResults } from './results-storm.ts';

/** Name and version of the record format. */
export const RECORD_SCHEMA = 'slabsplice/1';

const environmentSchema = open({
  node: z.string(),
  v8: z.string(),
  os: z.string(),
  cpuModel: z.string(),
  cpus: count,
  memoryBytes: amount,
  loadAverage: amount,
  warnings: z.array(z.string()),
  kernel: z.string().optional(),
  timerResolutionNs: amount.optional(),
  atomics: z.enum(['real', 'solo', 'explore']).optional(),
  hugePages: z.boolean().optional(),
  cgroupCpuLimit: z.number().nullable().optional(),
  governor: z.string().nullable().optional(),
  virtualMachine: z.string().nullable().optional(),
  /** What was typed behind `slabsplice`, without where the record was to go. */
  commandLine: z.array(z.string()).optional(),
});

const envelope = {
  schema: z.literal(RECORD_SCHEMA),
  complete: z.boolean(),
  version: z.string(),
  startedAt: z.string(),
  seed: z.int(),
  environment: environmentSchema,
  parameters: z.record(z.string(), z.json()),
  checks: z.array(open({ name: z.string().min(1), ok: z.boolean(), detail: z.string() })),
};

/** Schema of a record of any command that has a view here. */
export const recordSchema = z.discriminatedUnion('command', [
  z.strictObject({ ...envelope, command: z.enum(['compare', 'run']), results: compareResults }),
  z.strictObject({ ...envelope, command: z.literal('geometry'), results: geometryResults }),
  z.strictObject({ ...envelope, command: z.literal('doctor'), results: doctorResults }),
  z.strictObject({ ...envelope, command: z.literal('capacity'), results: capacityResults }),
  z.strictObject({ ...envelope, command: z.literal('storm'), results: stormResults }),
  z.strictObject({ ...envelope, command: z.literal('explore'), results: exploreResults }),
  z.strictObject({ ...envelope, command: z.literal('leak'), results: leakResults }),
  z.strictObject({ ...envelope, command: z.literal('replay'), results: replayResults }),
  z.strictObject({ ...envelope, command: z.literal('host'), results: hostResults }),
  z.strictObject({ ...envelope, command: z.literal('claims'), results: claimsResults }),
  z.strictObject({ ...envelope, command: z.literal('selftest'), results: selftestResults }),
  z.strictObject({ ...envelope, command: z.literal('diff'), results: diffResults }),
]);

/** A record of any command; `command` tells which results it holds. */
export type ResultRecord = z.infer<typeof recordSchema>;
/** The name of a command that writes records. */
export type Command = ResultRecord['command'];
/** Record of `compare` or `run`. */
export type CompareRecord = Extract<ResultRecord, { command: 'compare' | 'run' }>;
/** Record of `geometry`. */
export type GeometryRecord = Extract<ResultRecord, { command: 'geometry' }>;
/** Record of `doctor`. */
export type DoctorRecord = Extract<ResultRecord, { command: 'doctor' }>;
/** Record of `capacity`. */
export type CapacityRecord = Extract<ResultRecord, { command: 'capacity' }>;
/** Record of `storm`. */
export type StormRecord = Extract<ResultRecord, { command: 'storm' }>;
/** Record of `explore`. */
export type ExploreRecord = Extract<ResultRecord, { command: 'explore' }>;
/** Record of `leak`, and of shards that `merge` joined. */
export type LeakRecord = Extract<ResultRecord, { command: 'leak' }>;
/** Record of `replay`. */
export type ReplayRecord = Extract<ResultRecord, { command: 'replay' }>;
/** Record of `host`. */
export type HostRecord = Extract<ResultRecord, { command: 'host' }>;
/** Record of `claims`. */
export type ClaimsRecord = Extract<ResultRecord, { command: 'claims' }>;
/** Record of `selftest`. */
export type SelftestRecord = Extract<ResultRecord, { command: 'selftest' }>;
/** Record of `diff`. */
export type DiffRecord = Extract<ResultRecord, { command: 'diff' }>;
/** The machine and runtime that a record was made on; sizes in bytes. */
export type Environment = z.infer<typeof environmentSchema>;
/** One thing that was checked on the way; a failed check makes the command exit with 1. */
export type Check = ResultRecord['checks'][number];

/** Says in one line which file is not a record, where, why, and what to do about it. */
export class RecordError extends Error {
  /** The file as it was named by the caller. */
  readonly file: string;
  /** Where in the document, as in `results.offline[2].pages`; empty for the whole document. */
  readonly path: string;
  constructor(file: string, path: string, what: string, todo: string) {
    super(`${file}${path === '' ? '' : `: ${path}`}: ${what.replace(/\s+/g, ' ')}; ${todo}`);
    this.name = 'RecordError';
    this.file = file;
    this.path = path;
  }
}

const RESTORE = 'restore the file, or run the command again to write a new record';

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function parseJson(text: string, fileName: string): unknown {
  if (text.trim() === '') throw new RecordError(fileName, '', 'is empty', RESTORE);
  try {
    return JSON.parse(text);
  } catch (error) {
    // Engines word the reason differently and may quote the whole text, so it is cut.
    const reason = error instanceof Error ? error.message.slice(0, 120) : 'unreadable';
    throw new RecordError(fileName, '', `is not JSON (${reason})`, RESTORE);
  }
}

const COMMANDS: readonly Command[] = [
  ...([
    'compare',
    'run',
    'geometry',
    'doctor',
    'capacity',
    'storm',
    'explore',
    'leak',
    'replay',
    'host',
    'claims',
    'selftest',
    'diff',
  ] as const),
];

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

/** Tells apart "not ours", "too new" and "damaged": zod alone would list a mismatch per command. */
function requireKnownKind(value: unknown, fileName: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const what = `is not a ${RECORD_SCHEMA} record but ${kindOf(value)}`;
    throw new RecordError(fileName, '', what, 'name a file written by slabsplice');
  }
  const { schema, command } = value as { schema?: unknown; command?: unknown };
  if (schema !== RECORD_SCHEMA) {
    const ours = typeof schema === 'string' && schema.startsWith('slabsplice/');
    const found = schema === undefined ? 'nothing' : JSON.stringify(schema);
    const todo = ours
      ? 'use the version of slabsplice that wrote it, or a newer one'
      : 'name a file written by slabsplice';
    throw new RecordError(fileName, 'schema', `expected "${RECORD_SCHEMA}", found ${found}`, todo);
  }
  if (!COMMANDS.some((known) => known === command)) {
    const what = `no view for the command ${JSON.stringify(command) ?? '(missing)'}`;
    const todo = `known are ${COMMANDS.join(', ')}; a newer slabsplice may know it`;
    throw new RecordError(fileName, 'command', what, todo);
  }
}

/** Checks a value against the schema and returns it as a record; throws a RecordError. */
export function validateRecord(value: unknown, fileName = 'record'): ResultRecord {
  requireKnownKind(value, fileName);
  const result = recordSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const more = result.error.issues.length - 1;
  const what = `${issue?.message ?? 'does not fit the schema'}${more > 0 ? ` (and ${more} more)` : ''}`;
  throw new RecordError(fileName, pathText(issue?.path ?? []), what, RESTORE);
}

/** Parses the text of a record file; throws a RecordError of one line that names the place. */
export function parseRecord(text: string, fileName: string): ResultRecord {
  return validateRecord(parseJson(text, fileName), fileName);
}

/** Returns the JSON Schema of records, as published in `reports/schema.json`. */
export function recordJsonSchema(): unknown {
  return {
    title: `${RECORD_SCHEMA} result record`,
    ...z.toJSONSchema(recordSchema, { target: 'draft-2020-12', io: 'input' }),
  };
}
