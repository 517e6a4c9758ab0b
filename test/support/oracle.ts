/**
 * A naive model of what can be observed of a machine: a tree of memcgs, objects by handle, and who
 * pays for which slab. Plain objects and full scans; it shares no code and no idea with `core`.
 */

/** A memcg as the oracle sees it. */
export interface OracleMemcg {
  readonly id: number;
  readonly parent: OracleMemcg | null;
  /** Not removed. */
  online: boolean;
  /** Removal has not got as far as its offline callback: look-ups still show it. */
  visible: boolean;
  /** Released and freed. */
  gone: boolean;
}

/** An object that was handed out. */
export interface OracleObject {
  readonly cache: number;
  /** The memcg whose cache it came from. */
  readonly home: OracleMemcg;
}

/** Everything observable. */
export class Oracle {
  readonly memcgs = new Map<number, OracleMemcg>();
  readonly objects = new Map<number, OracleObject>();
  readonly #pins: boolean;

  /** @param pins whether pages keep their memcg alive, as in 5.2 */
  constructor(rootId: number, pins: boolean) {
    this.#pins = pins;
    this.memcgs.set(rootId, { id: rootId, parent: null, online: true, visible: true, gone: false });
  }

  add(id: number, parentId: number): void {
    const parent = this.get(parentId);
    this.memcgs.set(id, { id, parent, online: true, visible: true, gone: false });
  }

  get(id: number): OracleMemcg {
    const memcg = this.memcgs.get(id);
    if (memcg === undefined) throw new Error(`the oracle knows no memcg ${id}`);
    return memcg;
  }

  online(): OracleMemcg[] {
    return [...this.memcgs.values()].filter((memcg) => memcg.online);
  }

  children(of: OracleMemcg): OracleMemcg[] {
    return [...this.memcgs.values()].filter((memcg) => memcg.parent === of && !memcg.gone);
  }

  removable(): OracleMemcg[] {
    return this.online().filter(
      (memcg) => memcg.parent !== null && this.children(memcg).every((child) => !child.online),
    );
  }

  alloc(handle: number, cache: number, homeId: number): void {
    if (this.objects.has(handle)) throw new Error(`object ${handle} was handed out twice`);
    this.objects.set(handle, { cache, home: this.get(homeId) });
  }

  free(handle: number): void {
    if (!this.objects.delete(handle)) throw new Error(`the oracle knows no object ${handle}`);
  }

  /** The nearest memcg at or above an object's home that is not offline: what a look-up shows. */
  ownerOf(handle: number): number {
    let memcg = this.objects.get(handle)?.home ?? null;
    while (memcg !== null && !memcg.visible) memcg = memcg.parent;
    return memcg?.id ?? 0;
  }

  remove(id: number): void {
    this.get(id).online = false;
  }

  /** Online and dying memcgs below one. */
  counts(of: OracleMemcg): { descendants: number; dying: number } {
    let descendants = 0;
    let dying = 0;
    for (const memcg of this.memcgs.values()) {
      if (memcg.gone) continue;
      for (let above = memcg.parent; above !== null; above = above.parent) {
        if (above !== of) continue;
        if (memcg.online) descendants++;
        else dying++;
      }
    }
    return { descendants, dying };
  }

  /**
   * Which removed memcgs must be gone once deferred work has run. Pages pin under 5.2: a memcg
   * with a live object stays; one whose last object is freed goes, after its children.
   */
  settle(): { mustBeGone: number[]; mustStay: number[] } {
    const mustStay: number[] = [];
    const mustBeGone: number[] = [];
    for (const memcg of this.memcgs.values()) {
      if (memcg.online || memcg.gone) continue;
      memcg.visible = false;
      (this.#pins && this.#holdsObjects(memcg) ? mustStay : mustBeGone).push(memcg.id);
    }
    return { mustBeGone, mustStay };
  }

  #holdsObjects(memcg: OracleMemcg): boolean {
    for (const { home } of this.objects.values()) {
      for (let above: OracleMemcg | null = home; above !== null; above = above.parent) {
        if (above === memcg) return true;
      }
    }
    return false;
  }

  /** Forgets memcgs that were found gone; their rows may come back under the same number. */
  forget(id: number): void {
    const memcg = this.get(id);
    memcg.gone = true;
    this.memcgs.delete(id);
  }
}
