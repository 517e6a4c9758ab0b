// hot path
/**
 * Page cache that a trace tells of: which file's page is which folio of the machine, and whose it is. A folio may
 * change its page frame, so it goes by device, inode and offset.
 */
import type { Cpu, Machine } from '../../core/index.ts';
import type { TraceEvent } from '../input/ftrace-events.ts';
import { grown } from './grow.ts';
import { KeyTable } from './key-table.ts';

const PAGE = 4096;
const LOW = 2 ** 32;

/** Told of pages of a traced cgroup that were added (more than 0) or went. */
type Changed = (owner: number, pages: number, event: TraceEvent) => void;

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

  constructor(machine: Machine, cpu: Cpu, changed: Changed) {
    this.machine = machine;
    this.cpu = cpu;
    this.changed = changed;
  }

  /** Pages were read in. @param memcg of the owner; owner -1 is nobody that the trace has seen made */
  add(event: TraceEvent, owner: number, memcg: number): void {
    const row = this.takeRow();
    const pages = 2 ** event.order;
    this.owners[row] = owner;
    this.folios[row] = owner < 0 ? 0 : this.cpu.pageCache.add(memcg, pages);
    if (owner >= 0) this.changed(owner, pages, event);
    const page = event.offset / PAGE;
    // Numbers above 2^32 are rare, and both of them at once are not met.
    const before = this.rows.set(
      row,
      (event.devMajor << 20) | event.devMinor,
      event.inode | 0,
      page | 0,
      (Math.floor(event.inode / LOW) << 11) ^ Math.floor(page / LOW),
    );
    if (before !== 0) this.drop(before, event);
  }

  /** Pages are gone; false when the trace did not see them added. */
  remove(event: TraceEvent): boolean {
    const page = event.offset / PAGE;
    const row = this.rows.delete(
      (event.devMajor << 20) | event.devMinor,
      event.inode | 0,
      page | 0,
      (Math.floor(event.inode / LOW) << 11) ^ Math.floor(page / LOW),
    );
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
}
