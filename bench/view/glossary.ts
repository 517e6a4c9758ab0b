/** The words of the picture, each explained in a sentence, as core/README.md has them. */
import { element } from './dom.ts';

const WORDS: readonly (readonly [term: string, meaning: string])[] = [
  ['memcg', 'a memory cgroup: a node of a tree, with a counter of the pages charged to it'],
  ['css', 'the reference count of a memcg: it is freed when that reaches 0'],
  [
    'kmem_cache',
    'all slabs of one type of object; up to Linux 5.8 each memcg that uses a type has one of its own',
  ],
  [
    'slab page',
    'memory cut into objects of one size; it can go back only when all of them are free',
  ],
  ['charge', 'adding pages to the counter of a memcg and of all above it'],
  ['dying', 'removed, but not freed, because something still holds a css reference'],
  ['offline', 'what the kernel does with a memcg after rmdir and a grace period'],
  ['grace period', 'the time after which nobody can still be using what he found before it'],
  ['reparent', 'make the parent the owner of what a removed memcg leaves behind'],
  ['splice', 'reparent by handing over the caches: one pointer each, and two lists joined'],
  ['obj_cgroup', 'what an object names as its owner since Linux 5.9; it belongs to a memcg'],
  ['memmap', 'one record for each page of RAM, used or not'],
];

/** The list of words. */
export function glossary(): HTMLElement {
  return element(
    'details',
    { class: 'm-words' },
    element('summary', {}, 'The words'),
    element(
      'dl',
      {},
      ...WORDS.map(([term, meaning]) =>
        element(
          'div',
          {},
          element('dt', {}, element('dfn', {}, term)),
          element('dd', {}, `${meaning}.`),
        ),
      ),
    ),
  );
}

/** A word with its meaning at hand. */
export function word(term: string, shown = term): HTMLElement {
  const meaning = WORDS.find(([one]) => one === term)?.[1] ?? '';
  return element('dfn', { title: meaning }, shown);
}

function sample(className: string, text: string, mark = ''): HTMLElement {
  return element('span', {}, element('i', { class: className, 'aria-hidden': 'true' }, mark), text);
}

/** What the marks of the picture mean. */
export function legend(): HTMLElement {
  return element(
    'div',
    { class: 'm-legend' },
    element('span', {}, 'a box is inside its owner'),
    sample('m-page m-origin-1', 'allocated by parent'),
    sample('m-page m-origin-2', 'by child'),
    sample('m-object m-origin-2', 'object in use'),
    sample('m-object m-free', 'free'),
    sample('m-object m-origin-2 m-shared', 'used by others as well', '◆'),
    sample('m-page m-write', 'written in this step'),
    sample('m-page m-read', 'looked at'),
  );
}
