/** The words of ftrace text, as bytes. */
import { TRACE_NAMES } from './ftrace-events.ts';

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Events that are looked at, by the bytes of their names. */
export const EVENTS = Object.entries(TRACE_NAMES).map(([name, kind]) => ({
  name: bytesOf(name),
  kind,
}));
/** Names of fields with what stands between them and their values. */
export const KEY = {
  callSite: bytesOf('call_site='),
  ptr: bytesOf('ptr='),
  name: bytesOf('name='),
  bytesReq: bytesOf('bytes_req='),
  bytesAlloc: bytesOf('bytes_alloc='),
  accounted: bytesOf('accounted='),
  ofs: bytesOf('ofs='),
  order: bytesOf('order='),
  root: bytesOf('root='),
  id: bytesOf('id='),
  level: bytesOf('level='),
  path: bytesOf('path='),
  dstRoot: bytesOf('dst_root='),
  dstId: bytesOf('dst_id='),
  dstLevel: bytesOf('dst_level='),
  dstPath: bytesOf('dst_path='),
  pid: bytesOf('pid='),
  comm: bytesOf('comm='),
  childPid: bytesOf('child_pid='),
  dev: bytesOf('dev '),
  ino: bytesOf('ino '),
};

/** Words that a line may have. */
export const TRUE = bytesOf('true');
export const FALSE = bytesOf('false');
export const PRINT = bytesOf('print:');
export const MARK = bytesOf('tracing_mark_write: ');

/** Value of a hexadecimal digit, -1 if it is none. */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  if (byte >= 0x41 && byte <= 0x46) return byte - 0x37;
  return -1;
}
