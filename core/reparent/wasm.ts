/**
 * The small part of WebAssembly that the scan kernel needs, typed here because `core` compiles with
 * no library but the language's own. Browsers and Node have it; where it is missing, or has no SIMD,
 * the plain kernel is used.
 */
import { ATOMICS_KIND } from '#atomics';
import type { Machine } from '../machine.ts';
import { check } from '../shared/assert.ts';
import { isWatching } from '../shared/watch.ts';

/** Shared WebAssembly memory; can be posted to another thread. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** The buffer of a machine's strategy tables. */
export function strategyBuffer(machine: Machine): SharedArrayBuffer {
  const memory = machine.memory.strategy;
  check(memory !== null, `strategy ${machine.strategy.name} has no tables`);
  return memory instanceof SharedArrayBuffer ? memory : memory.buffer;
}

interface WasmApi {
  readonly Memory: new (limits: {
    initial: number;
    maximum: number;
    shared: boolean;
  }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, WasmMemory>>,
  ) => { readonly exports: Record<string, unknown> };
  validate(bytes: Uint8Array): boolean;
}

const PAGE_BYTES = 65_536;
/** A 32-bit memory ends here. */
const PAGES_MAX = 65_536;

function wasmApi(): WasmApi | undefined {
  return (globalThis as { WebAssembly?: WasmApi }).WebAssembly;
}

/** Shared memory of at least `bytes`, or null where there is none or it would be over 4 GiB. */
export function createWasmMemory(bytes: number): WasmMemory | null {
  const api = wasmApi();
  const pages = Math.ceil(bytes / PAGE_BYTES);
  // Neither an explorer nor a watcher could see what WebAssembly reads and writes.
  if (ATOMICS_KIND === 'explore' || isWatching()) return null;
  if (api === undefined || pages > PAGES_MAX) return null;
  return new api.Memory({ initial: pages, maximum: pages, shared: true });
}

/** Instantiates a module that imports `env.memory`; null if this engine cannot run it. */
export function instantiateWasm(
  bytes: Uint8Array,
  memory: WasmMemory,
): Record<string, unknown> | null {
  const api = wasmApi();
  if (api === undefined || !api.validate(bytes)) return null;
  return new api.Instance(new api.Module(bytes), { env: { memory } }).exports;
}
