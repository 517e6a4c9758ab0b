/**
 * Doubly linked lists through columns, as `list_head` in the kernel: the list is a head and a tail
 * word, the links are columns of the rows' own table. 0 ends a list in both directions.
 * The lock of the list guards head, tail and the links of all rows on it.
 */

/** A family of lists: many lists (indexed by owner) through the same links. */
export interface ListColumns {
  readonly head: Int32Array;
  readonly tail: Int32Array;
  readonly next: Int32Array;
  readonly prev: Int32Array;
}

/** Adds a row at the front of list `owner`. */
export function listPush(list: ListColumns, owner: number, row: number): void {
  const first = list.head[owner];
  list.next[row] = first;
  list.prev[row] = 0;
  if (first === 0) list.tail[owner] = row;
  else list.prev[first] = row;
  list.head[owner] = row;
}

/** Adds a row at the end of list `owner`. */
export function listAppend(list: ListColumns, owner: number, row: number): void {
  const last = list.tail[owner];
  list.next[row] = 0;
  list.prev[row] = last;
  if (last === 0) list.head[owner] = row;
  else list.next[last] = row;
  list.tail[owner] = row;
}

/** Takes a row out of list `owner`. */
export function listRemove(list: ListColumns, owner: number, row: number): void {
  const before = list.prev[row];
  const after = list.next[row];
  if (before === 0) list.head[owner] = after;
  else list.next[before] = after;
  if (after === 0) list.tail[owner] = before;
  else list.prev[after] = before;
  list.next[row] = 0;
  list.prev[row] = 0;
}

/** Puts the whole list `from` in front of list `to`; `from` is empty afterwards. */
export function listSplice(list: ListColumns, from: number, to: number): void {
  const first = list.head[from];
  if (first === 0) return;
  const last = list.tail[from];
  const after = list.head[to];
  list.next[last] = after;
  if (after === 0) list.tail[to] = last;
  else list.prev[after] = last;
  list.head[to] = first;
  list.head[from] = 0;
  list.tail[from] = 0;
}
