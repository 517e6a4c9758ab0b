// hot path
/**
 * Page cache that a trace tells of: which file's page is which folio of the machine, and whose it is. A folio may
 * change its page frame, so it goes by device, inode and offset.
 */
import { type Cpu, LimitError, type Machine } from '../../core/index.ts';
import type { TraceEvent } from '../input/ftrace-events.ts';
import { grown } from './grow.ts';
import { KeyTable } from './key-table.ts';

const PAGE = 4096;
const LOW = 2 ** 32;
const MIX = 0x9e3779b1;
/** A turn is below 256. */
const TURN_SHIFT = 24;
/** Pages at a time; a machine counts them in 32 bits. */
const PAGES_MAX = 2 ** 30;

/** Pages of a file that are there. */
export interface HeldFile {
  readonly device: number;
  readonly inodeHigh: number;
  readonly inodeLow: number;
  pages: number;
}

/** Told of pages of a traced cgroup that were added (more than 0) or went. */
type Changed = (owner: number, pages: number, event: TraceEvent) => void;

/** Device as one number, as in the kernel: 12 bits and 20. */
export function deviceOf({ devMajor, devMinor }: TraceEvent): number {
  return (devMajor << 20) | devMinor;
}

/** Folios by file and offset. */
export class TracedFolios {
  private readonly machine: Machine;
  private readonly cpu: Cpu;
  private readonly changed: Changed;
  private readonly rows = new KeyTable(4);
  private owners = new Int32Array(1 << 12);
  /** Folio of the machine, 0 for one of nobody; the next free row where a row is not in use. */
  private folios = new Int32Array(1 << 12);
  private used = 0;
  private free = 0;
  private pages = 0;
  private lastDevice = -1;
  /** Files of a later turn of the trace are others. */
  turn = 0;
  /** Devices of which pages were added. */
  readonly devices = new Set<number>();

  constructor(machine: Machine, cpu: Cpu, changed: Changed) {
    this.machine = machine;
    this.cpu = cpu;
    this.changed = changed;
  }

  /**
   * Pages were read in. @param memcg of the owner; owner -1 is nobody that the trace has seen made
   * @throws LimitError
   */
  add(event: TraceEvent, owner: number, memcg: number): void {
    const device = deviceOf(event);
    if (device !== this.lastDevice) {
      this.lastDevice = device;
      this.devices.add(device);
    }
    const row = this.takeRow();
    const pages = 2 ** event.order;
    this.owners[row] = owner;
    this.folios[row] = owner < 0 ? 0 : this.charge(memcg, pages);
    if (owner >= 0) this.changed(owner, pages, event);
    const page = event.offset / PAGE;
    const high = this.highOf(event, page);
    const before = this.rows.set(row, device, event.inodeLow, page | 0, high);
    if (before !== 0) this.drop(before, event);
  }

  private charge(memcg: number, pages: number): number {
    this.pages += pages;
    if (this.pages > PAGES_MAX) {
      throw new LimitError('pages of page cache', PAGES_MAX, 'add fewer');
    }
    return this.cpu.pageCache.add(memcg, pages);
  }

  /** Pages are gone; false when the trace did not see them added. */
  remove(event: TraceEvent): boolean {
    const page = event.offset / PAGE;
    const high = this.highOf(event, page);
    const row = this.rows.delete(deviceOf(event), event.inodeLow, page | 0, high);
    if (row === 0) return false;
    this.drop(row, event);
    return true;
  }

  private drop(row: number, event: TraceEvent): void {
    const folio = this.folios[row] as number;
    this.folios[row] = this.free;
    this.free = row;
    if (folio === 0) return;
    const pages = this.machine.folios.pages[folio] as number;
    this.pages -= pages;
    this.cpu.pageCache.remove(folio);
    this.changed(this.owners[row] as number, -pages, event);
  }

  private takeRow(): number {
    const row = this.free;
    if (row !== 0) {
      this.free = this.folios[row] as number;
      return row;
    }
    this.used++;
    if (this.used === this.folios.length) {
      this.owners = grown(this.owners);
      this.folios = grown(this.folios);
    }
    return this.used;
  }

  /** Upper half of the inode, with that of a page beyond 16 TiB (no file system has both), and the turn. */
  private highOf({ inodeHigh }: TraceEvent, page: number): number {
    return inodeHigh ^ Math.imul(Math.floor(page / LOW), MIX) ^ (this.turn << TURN_SHIFT);
  }

  /** Of each owner, the file of which it has the most pages. @param turnOf an owner's turn */
  largestFiles(turnOf: (owner: number) => number): Map<number, HeldFile> {
    const files = new Map<number, Map<string, HeldFile>>();
    this.rows.forEach((row, device, inodeLow, _page, high) => {
      const folio = this.folios[row] as number;
      if (folio === 0) return;
      const owner = this.owners[row] as number;
      const inodeHigh = high ^ (turnOf(owner) << TURN_SHIFT);
      const own = files.get(owner) ?? new Map<string, HeldFile>();
      files.set(owner, own);
      const key = `${device}:${inodeHigh}:${inodeLow}`;
      const file = own.get(key) ?? { device, inodeHigh, inodeLow, pages: 0 };
      own.set(key, file);
      file.pages += this.machine.folios.pages[folio] as number;
    });
    const largest = new Map<number, HeldFile>();
    for (const [owner, own] of files) {
      const [first] = [...own.values()].sort(
        (a, b) => b.pages - a.pages || a.inodeLow - b.inodeLow,
      );
      if (first !== undefined) largest.set(owner, first);
    }
    return largest;
  }
}
