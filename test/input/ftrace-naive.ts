/**
 * A reader of trace lines as anyone would write it, with strings and regular expressions, after the description of the
 * format: what the fast one must agree with. It shares nothing with it but the names of events.
 */
import { TRACE, TRACE_NAMES, type TraceEvent } from '../../bench/input/ftrace-events.ts';
/** Fields of an event, by name; texts as strings. */
export type Seen = Record<string, number | string>;

/** What a line is: an event, `skipped`, or null. */
export type Naive = Seen | 'skipped' | null;

const BRACKETS =
  /^\s*(.{1,16}?)-(\d{1,7}) +(?:\( *(?:\d+|-+)\) *)?\[(\d{1,4})\] +(?:([^\s\d]\S*) +)?(\d+)(?:\.(\d{6}|\d{9}))?: +(.*)$/s;
const SHORT =
  /^(.{8})-(\d{1,7}) +(\d{1,4})([^\s\d]\S*) +(\d+)(?:\.(\d{6}|\d{9})|us[ +!#*@$]?)?: +(.*)$/s;
/** Nothing, the name of an instance, or a number of `grep -n`. */
const BEFORE = [/^/, /^\S+: /, /^\d+[:-]/];
const UNNAMED =
  /^(?:[\w.$]+(?: \[\w+\])? <-[\w.$]+.*|UNKNOWN TYPE \d+|<(?:stack|user stack) trace>)$/s;
function timeOf(whole: string, fraction: string | undefined): number {
  if (fraction === undefined) return Number(whole);
  const micros = fraction.length === 9 ? Number(fraction) / 1000 : Number(fraction);
  return Number(whole) * 1e6 + micros;
}
/** What a line says; with `short` the CPU has no brackets. */
export function naiveLine(line: string, short = false): Naive {
  const found = BEFORE.filter((before) => before.test(line))
    .map((before) => (short ? SHORT : BRACKETS).exec(line.replace(before, '')))
    .find((one) => one !== null);
  if (found === undefined || found === null) return null;
  const [, , pid, cpu, flags] = found;
  const [whole = '', fraction, rest = ''] = found.slice(5);
  if (flags !== undefined && !/^[.\w#]{3,6}$/.test(flags)) return null;
  const head = {
    ...{ pid: Number(pid), cpu: Number(cpu), time: timeOf(whole, fraction) },
    interrupt: flags === undefined ? -1 : Number(/^..[shHzZ]/.test(flags)),
  };
  if (UNNAMED.test(rest)) return 'skipped';
  const event = /^([^\s:]{1,63}):(?: (.*))?$/s.exec(rest);
  if (event === null) return null;
  const [, name = '', given = ''] = event;
  const mark = /^ *(?:tracing_mark_write: |ip=tracing_mark_write buf=)(.*)$/s.exec(given);
  if (name === 'print' && mark !== null)
    return { ...head, kind: TRACE.marker, text: mark[1] ?? '' };
  const kind = TRACE_NAMES[name];
  if (kind === undefined) return 'skipped';
  const text = kind === TRACE.marker ? given : given.replace(/^ +/, '');
  const fields = fieldsOf(kind, text);
  return fields === null ? null : { ...head, kind, ...fields };
}
function fieldsOf(kind: number, text: string): Seen | null {
  if (kind === TRACE.marker) return { text };
  if (kind <= TRACE.kfree) return slabFields(kind, text.replace(/^\([^ )]\S*\) /, ''));
  if (kind <= TRACE.filemapDelete) return pageFields(text);
  return rareFields(kind, text) ?? rareFields(kind, saidOnce(text));
}
/** `options/fields` says numbers twice: in hexadecimal and, in brackets, in decimal. */
function saidOnce(text: string): string {
  return text.replace(/=0x([0-9a-f]+) \((\d+)\)(?= |$)/g, (all, hex, decimal) =>
    Number(`0x${hex}`) === Number(decimal) ? `=${decimal}` : all,
  );
}
/** Words as fields, each once; null if a word is no field. Brackets belong to the field before. */
function wordsOf(text: string): Map<string, string> | null {
  const fields = new Map<string, string>();
  const words = text
    .replace(/(?<=(?:^| )call_site=[^ ]*) (\[[^ ]*)(?= |$)/g, '\uE000$1')
    .replace(/(?<==[^ ]*) (\((?:-?\d+|0x[0-9a-f]+)\))(?= |$)/g, '\uE000$1')
    .replace(/(^| )(dev|ino) /g, '$1$2=');
  for (const word of words.split(' ')) {
    const [, key, value] = /^([^=\s]+)=([^ ]+)$/.exec(word) ?? [];
    if (key === undefined || value === undefined || hasControl(word)) return null;
    if (fields.has(key) && KNOWN.has(key)) return null;
    fields.set(key, value);
  }
  return fields;
}
/** Control characters. A letter of private use stands for a blank inside of a value here. */
export function hasControl(word: string): boolean {
  return [...word].some((letter) => letter < ' ');
}
const KNOWN = new Set(
  'call_site ptr name bytes_req bytes_alloc accounted dev ino ofs order pfn i_ino index s_dev'.split(
    ' ',
  ),
);
/** A decimal number, or one in hexadecimal that is said again. */
function numberOf(value: string | undefined, bareHex = false): number {
  const [, hex, again] = /^0x([0-9a-f]{1,16})(?:\uE000\((\d+)\))?$/.exec(value ?? '') ?? [];
  if (hex !== undefined) {
    if (again === undefined) return bareHex ? Number(`0x${hex}`) : Number.NaN;
    return Number(`0x${hex}`) === Number(again) ? Number(again) : Number.NaN;
  }
  const [, plain, bracketed] = /^(?:(\d{1,19})|\((\d{1,19})\))$/.exec(value ?? '') ?? [];
  const decimal = plain ?? bracketed;
  return decimal === undefined ? Number.NaN : Number(decimal);
}
function slabFields(kind: number, text: string): Seen | null {
  const fields = wordsOf(text);
  const site = /^([^\uE000(]+(?:\uE000\[[^\uE000(]*)?)(?:\uE000\(.*\))?$/.exec(
    fields?.get('call_site') ?? '',
  )?.[1];
  const given = fields?.get('ptr') ?? '';
  const [, prefix, digits = '', both] =
    /^(0x)?([0-9a-f]{1,16})(\uE000\((?:-?\d+|0x[0-9a-f]+)\))?$/.exec(given) ?? [];
  const short = digits.length < 16 && (prefix === undefined || both === undefined);
  if (fields === null || site === undefined) return null;
  if (given !== '(nil)' && given !== '(null)' && (digits === '' || short)) return null;
  const name = /^([^(]+)(?:\((.*)\))?$/.exec(fields.get('name') ?? '');
  if (fields.has('name') && (name === null || name[0].includes('\uE000'))) return null;
  const seen: Seen = {
    ...{ pointer: digits.padStart(16, '0'), callSite: site.replace('\uE000', ' ') },
    ...{ name: name?.[1] ?? '', nameCgroup: name?.[2] ?? '' },
  };
  if (kind === TRACE.kmemCacheFree || kind === TRACE.kfree) return seen;
  const said = fields.get('accounted');
  const accounted = said === undefined ? -1 : ACCOUNTED.get(said);
  const bytesReq = numberOf(fields.get('bytes_req'));
  const bytesAlloc = numberOf(fields.get('bytes_alloc'));
  if (accounted === undefined || !(bytesReq >= 0) || !(bytesAlloc > 0)) return null;
  return { ...seen, accounted, bytesReq, bytesAlloc };
}
const ACCOUNTED = new Map([
  ...['true', '1', '(1)'].map((word) => [word, 1] as const),
  ...['false', '0', '(0)'].map((word) => [word, 0] as const),
]);
function pageFields(text: string): Seen | null {
  const fields = wordsOf(text);
  if (fields === null) return null;
  const order = fields.has('order') ? numberOf(fields.get('order')) : 0;
  const pfn = fields.has('pfn') ? numberOf(fields.get('pfn'), true) : Number.NaN;
  if (!(order <= 22) || (fields.has('pfn') && Number.isNaN(pfn))) return null;
  const plain = ['dev', 'ino', 'ofs'].filter((key) => fields.has(key)).length;
  const raw = ['s_dev', 'i_ino', 'index'].filter((key) => fields.has(key)).length;
  if (plain + raw !== 3 || plain * raw !== 0) return null;
  if (raw === 3) {
    const dev = numberOf(fields.get('s_dev'), true);
    const inode = numberOf(fields.get('i_ino'), true);
    const offset = numberOf(fields.get('index'), true) * 4096;
    if (Number.isNaN(dev + inode + offset)) return null;
    const devs = { devMajor: Math.floor(dev / 2 ** 20), devMinor: dev % 2 ** 20 };
    return { ...devs, inode, offset, order, pfn };
  }
  const [, major, minor] = /^(\d{1,19}):(\d{1,19})$/.exec(fields.get('dev') ?? '') ?? [];
  const inode = /^[0-9a-f]{1,16}$/.exec(fields.get('ino') ?? '')?.[0];
  const offset = numberOf(fields.get('ofs'));
  if (inode === undefined || Number.isNaN(offset)) return null;
  if (!(Number(major) < 2 ** 12 && Number(minor) < 2 ** 20)) return null;
  const devs = { devMajor: Number(major), devMinor: Number(minor) };
  return { ...devs, inode: Number(`0x${inode}`), offset, order, pfn };
}
function rareFields(kind: number, text: string): Seen | null {
  const cgroup =
    /^root=(?<root>\d+) (?:id=(?<id>\d+) level=(?<level>\d+)|level=(?<l>\d+) id=(?<i>\d+)) path=(?<path>.*)$/s;
  const attach =
    /^dst_root=(?<root>\d+) dst_id=(?<id>\d+) dst_level=(?<level>\d+) dst_path=(?<path>.*) pid=(?<pid>\d+) comm=(?<comm>.{0,15})$/s;
  const raw =
    /^dst_root=(?<root>\d+) dst_level=(?<level>\d+) dst_id=(?<id>\d+) pid=(?<pid>\d+) dst_path=(?<path>.*) comm=(?<comm>.{0,15})$/s;
  const fork =
    /^(?:parent_)?comm=(?<comm>.{0,15}?) (?:parent_)?pid=(?<pid>\d+) child_comm=(?<child>.{0,15}) child_pid=(?<childPid>\d+)$/s;
  const exit =
    /^comm=(?<comm>.{0,15}) pid=(?<pid>\d+) prio=-?\d+(?: group_dead=(?:true|false|[01]|\([01]\)))?$/s;
  const patterns =
    kind <= TRACE.cgroupRelease
      ? [cgroup]
      : kind <= TRACE.cgroupTransfer
        ? [attach, raw]
        : [kind === TRACE.fork ? fork : exit];
  const found = patterns.map((one) => one.exec(text)?.groups).find((one) => one !== undefined);
  if (found === undefined) return null;
  const { path = '', comm = '', child = '' } = found;
  const [id = found.i, level = found.l] = [found.id, found.level];
  if (kind === TRACE.exit) return { targetPid: Number(found.pid), comm };
  if (kind === TRACE.fork) {
    const pids = { targetPid: Number(found.pid), childPid: Number(found.childPid) };
    return { ...pids, comm, childComm: child };
  }
  const place = { root: Number(found.root), cgroup: Number(id), level: Number(level), path };
  return kind <= TRACE.cgroupRelease ? place : { ...place, targetPid: Number(found.pid), comm };
}
/** What the reader says of an event, in the words of the naive one. */
export function seenOf(event: TraceEvent, nameOf: (number: number) => string): Seen {
  const { kind, pid, cpu, time, interrupt } = event;
  const head = { kind, pid, cpu, time, interrupt };
  const hex = (half: number) => (half >>> 0).toString(16).padStart(8, '0');
  if (kind <= TRACE.kfree) {
    const seen = {
      ...{ ...head, pointer: hex(event.pointerHigh) + hex(event.pointerLow) },
      ...{ callSite: nameOf(event.callSite), name: nameOf(event.name) },
      nameCgroup: nameOf(event.nameCgroup),
    };
    if (kind === TRACE.kmemCacheFree || kind === TRACE.kfree) return seen;
    const { accounted, bytesReq, bytesAlloc } = event;
    return { ...seen, accounted, bytesReq, bytesAlloc };
  }
  if (kind <= TRACE.filemapDelete) {
    const { devMajor, devMinor, inode, offset, order, pfn } = event;
    return { ...head, devMajor, devMinor, inode, offset, order, pfn };
  }
  if (kind === TRACE.marker) return { ...head, text: nameOf(event.text) };
  const { targetPid, childPid } = event;
  const comm = nameOf(event.comm);
  if (kind === TRACE.exit) return { ...head, targetPid, comm };
  if (kind === TRACE.fork) {
    return { ...head, targetPid, childPid, comm, childComm: nameOf(event.childComm) };
  }
  const { root, cgroup, level } = event;
  const place = { ...head, root, cgroup, level, path: nameOf(event.path) };
  return kind <= TRACE.cgroupRelease ? place : { ...place, targetPid, comm };
}
