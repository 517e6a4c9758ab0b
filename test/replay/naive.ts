/** A reader of trace lines as anyone would write it, with a regular expression: what the fast one must agree with. */
import { TRACE_NAMES } from '../../bench/input/ftrace-events.ts';

const LINE =
  /^ *(.{1,62}?)-(\d+) +(?:\([^)]*\) *)?\[(\d+)\] +(?:([^ ]+) +)??(\d+)(\.\d{6})?: *([^ :]+): *(.*)$/s;

/** What a line says, by names; null if it is no event. */
export function naiveLine(line: string): Record<string, unknown> | null {
  const found = LINE.exec(line);
  if (found === null) return null;
  const [, , pid, cpu, flags, whole, micros, name = '', given = ''] = found;
  const marker = name === 'print' && given.startsWith('tracing_mark_write: ');
  const kind = marker ? TRACE_NAMES.tracing_mark_write : TRACE_NAMES[name];
  const head = {
    ...{ pid: Number(pid), cpu: Number(cpu), kind: kind ?? 0 },
    time: Number(whole) * (micros === undefined ? 1 : 1e6) + Number((micros ?? '.0').slice(1)),
    interrupt: flags === undefined ? -1 : Number(/[shHzZ]/.test(flags)),
  };
  if (kind === undefined) return head;
  return { ...head, ...fieldsOf(name, given.replace(/^\([^ ]* +/, '')) };
}

function fieldsOf(name: string, text: string): Record<string, unknown> {
  const value = (key: string) => new RegExp(`(?:^| )${key}=([^ ]*)`).exec(text)?.[1];
  const pointer = value('ptr')?.replace(/^0x/, '');
  if (/alloc|kmalloc|kfree|cache_free/.test(name) && pointer !== undefined) {
    return {
      pointer,
      // kmalloc and kfree name no cache.
      name:
        (name.includes('cache') ? value('name') : undefined)?.replace(/^(.[^(]*)\(.*/s, '$1') ?? '',
      ...(name.includes('alloc')
        ? { bytesReq: Number(value('bytes_req')), bytesAlloc: Number(value('bytes_alloc')) }
        : {}),
    };
  }
  // Fields are looked for by name, one after the other, whatever stands between them.
  const page = /(?:^| )dev (\d+):(\d+)(?= ).*? ino ([0-9a-f]+)(?= ).*? ofs=(\d+)(?= |$)/is.exec(
    text,
  );
  if (page !== null) {
    const [, major, minor, inode = '', offset] = page;
    const numbers = { devMajor: Number(major), devMinor: Number(minor), offset: Number(offset) };
    return { ...numbers, inode: Number.parseInt(inode, 16) };
  }
  const task = /(?:^| )dst_root=(\d+)(?= ).*? dst_id=(\d+)(?= ).* pid=(\d+)(?= ).* comm=/s.exec(
    text,
  );
  if (task !== null) {
    return { root: Number(task[1]), cgroup: Number(task[2]), targetPid: Number(task[3]) };
  }
  const cgroup = /(?:^| )root=(\d+)(?= ).*? id=(\d+)(?= ).*? level=(\d+)(?= ).*? path=(.*)$/s.exec(
    text,
  );
  if (cgroup !== null) {
    return { root: Number(cgroup[1]), cgroup: Number(cgroup[2]), path: cgroup[4] };
  }
  const fork = /^(?:.* )?child_pid=(\d+)(?= |$)/s.exec(text);
  return fork === null ? {} : { childPid: Number(fork[1]) };
}
