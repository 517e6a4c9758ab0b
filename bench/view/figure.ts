/**
 * The picture of a machine: boxes in boxes by owner (memcg, cache, slab page, object), so that another
 * owner is seen as a move; who allocated a page shows in its pattern, which stays.
 */
import type {
  Frame,
  FrameCache,
  FrameMemcg,
  FramePage,
  Touch,
} from '../../reports/results-frames.ts';
import { amount } from '../picture/words.ts';
import { element, prefersStill } from './dom.ts';

/** What is drawn besides the rows. */
export interface Scene {
  readonly frame: Frame;
  readonly touched: readonly Touch[];
  /** Who allocated from a cache, or with an obj_cgroup: a number for the pattern. */
  originOf(kind: 'cache' | 'objcg', row: number): number;
  /** Memcgs that were there and are freed. */
  readonly ghosts: readonly { readonly name: string; readonly parent: number }[];
  /** Objects that others use as well: `row:place`. */
  readonly shared: ReadonlySet<string>;
  /** Whether the rows of the memmap are drawn: for designs that go through all of them. */
  readonly memmap: boolean;
  /** What a click on an object does, if anything. */
  readonly pick: ((row: number, place: number) => void) | null;
}

const STATES: Readonly<Record<string, string>> = {
  online: 'online',
  dying: 'removed',
  offline: 'dying',
  released: 'dying',
  active: '',
  deactivated: 'deactivated',
  killed: 'goes when empty',
  shut: 'shut down',
};

function touchClass(scene: Scene, kind: Touch['kind'], row: number): string {
  const touch = scene.touched.find((one) => one.kind === kind && one.row === row);
  return touch === undefined ? '' : ` m-${touch.how}`;
}

function drawObject(scene: Scene, page: FramePage, place: number): HTMLElement {
  const owner = page.objects[place] ?? -1;
  const byObject = scene.frame.objcgs.length > 0;
  const origin = byObject && owner > 0 ? ` m-origin-${scene.originOf('objcg', owner)}` : '';
  const shared = scene.shared.has(`${page.row}:${place}`);
  const made = element(
    'i',
    { class: `m-object${owner < 0 ? ' m-free' : origin}${shared ? ' m-shared' : ''}` },
    shared ? '◆' : '',
  );
  const { pick } = scene;
  if (pick !== null && owner >= 0) {
    made.title = shared ? 'used by others as well; click to free it' : 'click to free this object';
    made.addEventListener('click', () => pick(page.row, place));
  }
  return made;
}

function drawPage(scene: Scene, page: FramePage): HTMLElement {
  const byObject = scene.frame.objcgs.length > 0;
  const origin = byObject ? '' : ` m-origin-${scene.originOf('cache', page.cache)}`;
  const used = page.objects.filter((one) => one >= 0).length;
  return element(
    'span',
    {
      class: `m-page${origin}${touchClass(scene, 'page', page.row)}`,
      'data-key': `page:${page.row}`,
      title: `slab page ${page.row}: ${used} of ${page.objects.length} objects in use`,
    },
    ...page.objects.map((_, place) => drawObject(scene, page, place)),
  );
}

function cacheLabel(frame: Frame, cache: number): string {
  const known = frame.caches.find(({ row }) => row === cache);
  return (known?.name ?? `cache ${cache}`).split(' of ')[0] ?? '';
}

/** A cache with the pages of it that the same memcg owns. */
function drawCache(scene: Scene, cache: FrameCache, pages: readonly FramePage[]): HTMLElement {
  const state = STATES[cache.state] ?? '';
  return element(
    'div',
    {
      class: `m-cache m-${cache.state}${touchClass(scene, 'cache', cache.row)}`,
      'data-key': `cache:${cache.row}`,
    },
    element(
      'span',
      { class: 'm-label' },
      cacheLabel(scene.frame, cache.row),
      state === '' ? null : element('small', {}, ` ${state}`),
    ),
    element('span', { class: 'm-pages' }, ...pages.map((page) => drawPage(scene, page))),
  );
}

/** Pages whose cache has another owner already. */
function drawLeft(scene: Scene, cache: number, memcg: number, pages: readonly FramePage[]) {
  return element(
    'div',
    { class: 'm-cache m-left', 'data-key': `pages:${cache}@${memcg}` },
    element('span', { class: 'm-label' }, `pages of ${cacheLabel(scene.frame, cache)}`),
    element('span', { class: 'm-pages' }, ...pages.map((page) => drawPage(scene, page))),
  );
}

function ownGroups(scene: Scene, memcg: number): HTMLElement[] {
  const { caches, pages } = scene.frame;
  const mine = pages.filter((page) => page.memcg === memcg);
  const own = caches.filter((cache) => cache.memcg === memcg);
  const left = [...new Set(mine.map(({ cache }) => cache))].filter(
    (cache) => !own.some(({ row }) => row === cache),
  );
  return [
    ...own.map((cache) =>
      drawCache(
        scene,
        cache,
        mine.filter((page) => page.cache === cache.row),
      ),
    ),
    ...left.map((cache) =>
      drawLeft(
        scene,
        cache,
        memcg,
        mine.filter((page) => page.cache === cache),
      ),
    ),
  ];
}

function drawObjcgs(scene: Scene, memcg: number): HTMLElement[] {
  const { objcgs, pages } = scene.frame;
  return objcgs
    .filter((one) => one.memcg === memcg)
    .map(({ row, name }) => {
      const objects = pages.flatMap((page) => page.objects).filter((one) => one === row).length;
      return element(
        'div',
        {
          class: `m-objcg${touchClass(scene, 'objcg', row)}`,
          'data-key': `objcg:${row}`,
        },
        element('i', { class: `m-object m-origin-${scene.originOf('objcg', row)}` }),
        ` obj_cgroup made for ${name}: ${objects} objects`,
      );
    });
}

function drawMemcg(scene: Scene, memcg: FrameMemcg): HTMLElement {
  const { row, name, state, pages, css } = memcg;
  const below = scene.frame.memcgs.filter(({ parent }) => parent === row);
  const ghosts = scene.ghosts.filter(({ parent }) => parent === row);
  const groups = scene.frame.objcgs.length > 0 ? drawObjcgs(scene, row) : ownGroups(scene, row);
  const numbers =
    row === 1
      ? null
      : element(
          'span',
          { class: 'm-numbers' },
          // Nobody reads the counter of a removed memcg, whoever owns its pages now.
          state === 'online' ? `${amount(pages, 'page')} charged · ` : `counter ${pages} · `,
          element(
            'span',
            { class: `m-css${touchClass(scene, 'css', row)}`, title: 'references that keep it' },
            `css ${css}`,
          ),
        );
  return element(
    'div',
    {
      class: `m-memcg m-is-${state}${row === 1 ? ' m-root' : ''}${touchClass(scene, 'memcg', row)}`,
      'data-key': `memcg:${row}`,
      'data-name': name,
    },
    element(
      'div',
      { class: 'm-head' },
      element('strong', {}, name),
      state === 'online' ? null : element('span', { class: 'm-state' }, STATES[state] ?? state),
      numbers,
    ),
    groups.length === 0 ? null : element('div', { class: 'm-groups' }, ...groups),
    ...below.map((one) => drawMemcg(scene, one)),
    ...ghosts.map((one) => element('div', { class: 'm-ghost' }, `${one.name}: freed`)),
  );
}

/** Caches whose pages no memcg owns as such. */
function drawShared(scene: Scene): HTMLElement | null {
  const { caches, pages } = scene.frame;
  const used = caches.filter(
    ({ row, memcg }) => memcg === 0 && pages.some(({ cache }) => cache === row),
  );
  if (used.length === 0) return null;
  return element(
    'div',
    { class: 'm-memcg m-common' },
    element(
      'div',
      { class: 'm-head' },
      element('strong', {}, 'slab caches that all cgroups share'),
    ),
    element(
      'div',
      { class: 'm-groups' },
      ...used.map((cache) =>
        drawCache(
          scene,
          cache,
          pages.filter((page) => page.cache === cache.row),
        ),
      ),
    ),
  );
}

function drawMemmap(scene: Scene): HTMLElement {
  const { pages, rows } = scene.frame;
  const cells = Array.from({ length: rows }, (_, index) => {
    const row = index + 1;
    const page = pages.find((one) => one.row === row);
    const origin =
      page === undefined ? ' m-free' : ` m-origin-${scene.originOf('cache', page.cache)}`;
    return element('i', { class: `m-row${origin}${touchClass(scene, 'page', row)}` });
  });
  return element(
    'div',
    { class: 'm-memmap' },
    element('span', { class: 'm-label' }, 'memmap: a row for every page of RAM, used or not'),
    element('span', { class: 'm-rows' }, ...cells),
  );
}

interface Position {
  readonly box: DOMRect;
  readonly within: string;
}

function positions(root: HTMLElement): Map<string, Position> {
  const found = new Map<string, Position>();
  for (const one of root.querySelectorAll<HTMLElement>('[data-key]')) {
    const within = one.parentElement?.closest<HTMLElement>('[data-key]')?.dataset.key ?? '';
    found.set(one.dataset.key ?? '', { box: one.getBoundingClientRect(), within });
  }
  return found;
}

const MOVE_MS = 420;

/** What has another owner glides there; what its owner took along comes with it. */
function glide(root: HTMLElement, before: ReadonlyMap<string, Position>): void {
  for (const one of root.querySelectorAll<HTMLElement>('[data-key]')) {
    const was = before.get(one.dataset.key ?? '');
    const within = one.parentElement?.closest<HTMLElement>('[data-key]')?.dataset.key ?? '';
    if (was === undefined || was.within === within) continue;
    const now = one.getBoundingClientRect();
    const [x, y] = [was.box.left - now.left, was.box.top - now.top];
    const from = { transform: `translate(${x}px, ${y}px)`, zIndex: 1 };
    one.animate([from, { transform: 'none', zIndex: 1 }], {
      duration: MOVE_MS,
      easing: 'ease-in-out',
    });
  }
}

/** Draws a scene in place of what was there; with `moving`, what changed its owner is seen to move. */
export function drawScene(root: HTMLElement, scene: Scene, moving: boolean): void {
  const glides = moving && !prefersStill();
  const before = glides ? positions(root) : new Map<string, Position>();
  const tops = scene.frame.memcgs.filter(({ parent }) => parent === 0);
  root.replaceChildren(
    ...tops.map((one) => drawMemcg(scene, one)),
    ...[drawShared(scene), scene.memmap ? drawMemmap(scene) : null].filter((one) => one !== null),
  );
  // Boxes come and go; what is below them need not jump for it.
  root.style.minHeight = `${Math.max(root.offsetHeight, Number.parseFloat(root.style.minHeight) || 0)}px`;
  if (glides) glide(root, before);
}
