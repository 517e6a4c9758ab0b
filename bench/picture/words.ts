/** What happens on the machine, in sentences. */
import type { Frame, Touch } from '../../reports/results-frames.ts';

const KIB_PER_PAGE = 4;

/** `1 page`, `8 pages`. */
export function amount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Memcgs that were removed and are not freed. */
export function dyingMemcgs(frame: Frame): Frame['memcgs'] {
  return frame.memcgs.filter(({ state }) => state !== 'online');
}

/** Slab pages that a memcg owns, or owns an object of. */
export function ownedPages(frame: Frame, memcg: number): number {
  const owners = new Set(frame.objcgs.filter((one) => one.memcg === memcg).map(({ row }) => row));
  return frame.pages.filter(
    (page) => page.memcg === memcg || page.objects.some((one) => owners.has(one)),
  ).length;
}

/** Slab pages that dying memcgs own, in KiB. */
export function pinnedKib(frame: Frame): number {
  return dyingMemcgs(frame).reduce(
    (sum, { row }) => sum + KIB_PER_PAGE * ownedPages(frame, row),
    0,
  );
}

export function created(memcg: string, parent: string): string {
  return `The cgroup ${memcg} is created below ${parent}. It owns nothing yet.`;
}

export function allocated(
  { memcg, cache, objects }: { memcg: string; cache: string; objects: number },
  before: Frame,
  after: Frame,
): string {
  const pages = after.pages.length - before.pages.length;
  const what = `Tasks in ${memcg} allocate ${amount(objects, `${cache} object`)}`;
  const usage = (frame: Frame) => frame.memcgs.find(({ name }) => name === memcg)?.pages ?? 0;
  const charge = usage(after) - usage(before);
  const taken = pages === 0 ? 'in pages that had room' : `in ${amount(pages, 'new slab page')}`;
  return `${what}, ${taken}. ${charge === 0 ? 'Nothing more is charged.' : `${amount(charge, 'page')} charged to ${memcg}.`}`;
}

export function shared({ memcg, cache }: { memcg: string; cache: string }): string {
  return `One ${cache} object of ${memcg} (marked ◆) is used by others too, as the name of a shared file is. It stays as long as they use it, whatever becomes of ${memcg}.`;
}

export function removed(memcg: string): string {
  return `The tasks have ended and somebody removes ${memcg} (rmdir). Objects that they allocated may still be cached, so it cannot simply be freed. First a grace period must pass.`;
}

export function offline(memcg: string): string {
  return `The kworker takes ${memcg} offline: from now on nothing is charged to it.`;
}

export function deactivated(): string {
  return 'Its caches are deactivated: no new slabs come, and empty ones will go. Now the designs part ways.';
}

function lookedAt(touched: readonly Touch[], row: number): string {
  const rows = touched
    .filter((one) => one.kind === 'page' && one.row !== row)
    .map((one) => one.row)
    .filter((one) => one < row);
  if (rows.length === 0) return '';
  const [first = 0] = rows;
  const last = rows.at(-1) ?? first;
  return first === last
    ? ` Row ${first} was looked at before: not the cgroup's.`
    : ` Rows ${first} to ${last} were looked at before: not the cgroup's.`;
}

function nameOf(rows: readonly { row: number; name: string }[], row: number): string {
  return rows.find((one) => one.row === row)?.name ?? String(row);
}

/** One pointer of a hand-over was rewritten. */
export function handedOver(
  frame: Frame,
  { column, index, after }: { column: string; index: number; after: number },
  pagesHaveOwners: boolean,
  touched: readonly Touch[],
): string {
  const to = nameOf(frame.memcgs, after);
  if (column === 'owners.owner') {
    return `Slab page ${index}: its owner is rewritten to ${to}.${lookedAt(touched, index)}`;
  }
  if (column === 'objcgs.memcg') {
    const objects = frame.pages.flatMap((page) => page.objects).filter((one) => one === index);
    return `The obj_cgroup is given to ${to}: one pointer. Its ${amount(objects.length, 'object')} go on naming it; none is looked at.`;
  }
  const cache = nameOf(frame.caches, index);
  if (pagesHaveOwners) {
    return `Cache ${cache} is given to ${to}, so that it has a living owner. Its pages name their owner themselves, and still have to be found.`;
  }
  const slabs = frame.caches.find(({ row }) => row === index)?.slabs ?? 0;
  return `Cache ${cache} is given to ${to}: one pointer. Its ${amount(slabs, 'page')} come along; none of them is looked at.`;
}

export function handOverDone(
  child: string,
  parent: string,
  count: { pages: number; looks: number; caches: number; objcgs: number },
): string {
  const parts = [
    ...(count.pages > 0 ? [amount(count.pages, 'page')] : []),
    ...(count.caches > 0 ? [amount(count.caches, 'cache')] : []),
    ...(count.objcgs > 0 ? [amount(count.objcgs, 'obj_cgroup')] : []),
  ];
  if (parts.length === 0) {
    return `Nothing is handed over. Every page goes on naming ${child}, and holds a reference on it.`;
  }
  const looks =
    count.looks > count.pages
      ? ` ${amount(count.looks, 'row')} of the memmap were read to find the pages.`
      : '';
  return `References on ${child} become references on ${parent}. That was the hand-over: ${parts.join(' and ')} rewritten.${looks}`;
}

export function freed(memcg: string): string {
  return `The last reference on ${memcg} is gone. A grace period later ${memcg} is freed.`;
}

function cachesLeft(retired: number): string {
  return `${retired === 1 ? 'The cache it left loses its' : `The ${retired} caches it left lose their`} base reference: each goes with its last page.`;
}

/** After all deferred work of a removal. */
export function removalOver(after: Frame, memcg: string, retired: number): string | null {
  const left = after.memcgs.find(({ name }) => name === memcg);
  if (left === undefined) return retired === 0 ? null : cachesLeft(retired);
  const pages = ownedPages(after, left.row);
  const css = amount(left.css, 'reference');
  return `All work is done, and ${memcg} is still there: dying. ${css} of ${amount(pages, 'page')} keep it, with all its counters and lists, for as long as the pages live.`;
}

/** Objects were freed. */
export function freedObjects(objects: number, before: Frame, after: Frame): string {
  const pages = before.pages.length - after.pages.length;
  const given =
    pages === 0
      ? 'No page becomes empty: one object is enough to keep its whole page.'
      : `${amount(pages, 'page')} become${pages === 1 ? 's' : ''} empty and ${pages === 1 ? 'goes' : 'go'} back.`;
  const dying = dyingMemcgs(after);
  const [first] = dying;
  const kept =
    first === undefined || dying.length > 1
      ? ''
      : first.css === 0
        ? ` With it goes the last reference on ${first.name}.`
        : ` ${first.name} is still dying: ${amount(first.css, 'reference')} left.`;
  const who =
    objects === 1 ? 'An object is freed' : `Memory is short: ${objects} cached objects are freed`;
  return `${who}. ${given}${kept}`;
}

/** What deferred work did after objects were freed; null if nothing that shows. */
export function deferredDone(before: Frame, after: Frame): string | null {
  const caches = before.caches.filter(({ row }) => !after.caches.some((one) => one.row === row));
  const objcgs = before.objcgs.filter(({ row }) => !after.objcgs.some((one) => one.row === row));
  if (objcgs.length > 0) return 'The obj_cgroup has no objects left, and is freed.';
  if (caches.length === 0) return null;
  const are = caches.length === 1 ? 'is' : 'are';
  return `${amount(caches.length, 'cache')} without pages ${are} shut down and freed.`;
}
