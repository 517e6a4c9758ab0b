/** What is no trace that can be read, recognised: it is refused with what it looks like and what to do instead. */

/** What an input looks like, and what to do instead. */
export interface Looks {
  readonly what: string;
  readonly todo: string;
}

const RECORD_IT = 'record one as slabsplice replay --how-to-record says';
/** Lines of the beginning that are kept to tell what it is. */
export const SAMPLE_LINES = 40;
/** Letters of each. */
export const SAMPLE_LETTERS = 200;

function turn(option: string, value: 0 | 1): string {
  return `echo ${value} > options/${option} in its tracefs folder, and read the trace again`;
}

/** By the first bytes. */
const MAGIC: readonly (readonly [bytes: string, what: string, todo: string])[] = [
  ['\x17\x08\x44tracing', 'is a binary trace.dat', 'give the output of: trace-cmd report -i FILE'],
  ['PERFILE2', 'is a perf.data of perf', RECORD_IT],
  ['\x1f\x8b', 'is compressed (gzip)', 'give the file, or unpack it first with gunzip'],
  ['\x28\xb5\x2f\xfd', 'is compressed (zstd)', 'unpack it first with zstd -d'],
  ['\xfd7zXZ', 'is compressed (xz)', 'unpack it first with xz -d'],
  ['BZh', 'is compressed (bzip2)', 'unpack it first with bunzip2'],
  ['PK\x03\x04', 'is a zip archive', 'unpack it first'],
  ['\x7fELF', 'is a program', RECORD_IT],
  ['\xc1\x1f\xfc\xc1', 'is a CTF trace (LTTng)', RECORD_IT],
  ['\xff\xfe', 'is UTF-16 text', 'convert it to UTF-8 first'],
  ['\xfe\xff', 'is UTF-16 text', 'convert it to UTF-8 first'],
];

/** Tells by the first bytes that an input is no text; null if it may be. */
export function looksBinary(head: Uint8Array): Looks | null {
  const text = String.fromCharCode(...head.subarray(0, 16));
  const [, what, todo] = MAGIC.find(([bytes]) => text.startsWith(bytes)) ?? [];
  return what === undefined || todo === undefined ? null : { what, todo };
}

/** The bytes that `looksBinary` needs. */
export const MAGIC_BYTES = 10;

const NAMES = '(?:kmem_cache_(?:alloc|free)|kmalloc|kfree|mm_\\w+|cgroup_\\w+|sched_\\w+)';
/** By lines, the first that matches one; the more particular ones come first. */
const LINES: readonly (readonly [pattern: RegExp, what: string, todo: string])[] = [
  [/^\s*\d+ \d+ \d+ type: \d+/, 'is a raw ftrace text, which has no fields', turn('raw', 0)],
  [
    new RegExp(`^${NAMES}: `),
    'is an ftrace text without task, CPU and time',
    turn('context-info', 1),
  ],
  [
    /^\s*.{1,16} +\d+ +\d+ +\d+ [0-9a-f]{8} [0-9a-f]{8} \[[0-9a-f]+\]/,
    'is an ftrace text in the verbose latency format',
    turn('verbose', 0),
  ],
  [
    /^\s*\S.* \d+(?:\/\d+)? +(?:\[\d+\] +)?\d+\.\d+: +(?:\d+ +)?[\w-]+:[\w-]+:/,
    'looks like the output of perf script',
    RECORD_IT,
  ],
  [/^\s*(?:\d+\)|\[?\d+\]?) .*\|\s+(?:\/\*|\}|[\w.]+\()/, 'is a function graph', RECORD_IT],
  [/^[0-9a-f]{8} (?:[0-9a-f]{2,16} ?)+$/, 'is a hexadecimal ftrace text', turn('hex', 0)],
  [/^name: \w+$/, 'is the format of an event, no trace', RECORD_IT],
  [/^entries: \d+$/, 'is the stats file of a CPU, no trace', 'give the trace beside it'],
  [/^slabinfo - version/, 'is a slabinfo, no trace', RECORD_IT],
  [/^<?\d*>?\[ *\d+\.\d{6}\] /, 'looks like a kernel log', RECORD_IT],
  [/^Attaching \d+ probes?\.\.\.$/, 'looks like the output of bpftrace', RECORD_IT],
  [/^\s*[[{]\s*(?:["{\]}]|$)/, 'looks like JSON', RECORD_IT],
  [/^\s*<(?:\?xml|!DOCTYPE|html)/i, 'looks like a page of HTML or XML', RECORD_IT],
];

/** What was found in an input without an event. */
export interface NothingFound {
  readonly lines: number;
  readonly binary: boolean;
  readonly tracer: string;
  readonly skipped: Readonly<Record<string, number>>;
  /** First lines that are neither events nor comments. */
  readonly sample: readonly string[];
  /** Whether there was a header of ftrace. */
  readonly header: boolean;
}

/** What an input without an event looks like. */
export function looksLike(found: NothingFound): Looks {
  if (found.lines === 0) return { what: 'is empty', todo: RECORD_IT };
  const others = Object.keys(found.skipped);
  if (others.length > 0) {
    const functions = others.every((name) => name === '(function)');
    const what = functions
      ? 'is the output of the function tracer alone, without events'
      : `has no event of slab, page cache or cgroups (but ${others.slice(0, 3).join(', ')})`;
    return { what, todo: RECORD_IT };
  }
  for (const line of found.sample) {
    const [, what, todo] = LINES.find(([pattern]) => pattern.test(line)) ?? [];
    if (what !== undefined && todo !== undefined) return { what, todo };
  }
  if (found.binary) return { what: 'is binary', todo: RECORD_IT };
  if (found.tracer.startsWith('function')) {
    return { what: `is the output of the ${found.tracer} tracer alone`, todo: RECORD_IT };
  }
  if (found.header && found.sample.length === 0) {
    const todo = 'check that events are enabled and tracing_on is 1, and record it again';
    return { what: 'is an ftrace text without any event', todo };
  }
  return { what: 'has no line that is an event of ftrace text', todo: RECORD_IT };
}
