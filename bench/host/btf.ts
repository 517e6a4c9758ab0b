/**
 * Sizes, offsets and constants from BTF, the type information that a kernel carries (/sys/kernel/btf/vmlinux,
 * readable by anyone). Only what is asked for is decoded; layout: Documentation/bpf/btf.rst.
 */

/** What to look for. */
export interface BtfQuery {
  /** Structures, for their sizes. */
  readonly structs?: readonly string[];
  /** Members of structures, for their offsets: `cgroup_subsys_state.sibling`. */
  readonly members?: readonly string[];
  /** Constants of enums, for their values. */
  readonly constants?: readonly string[];
}

/** What was found, by the names asked for, and why the walk ended before the last type, if it did. */
export interface BtfAnswer {
  /** Bytes. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Bytes. */
  readonly offsets: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, number>;
  readonly trouble: string | null;
}

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;
const STRUCT = 4;
const ENUM = 6;
/** Bytes after the header of a type, by kind: some each, or some for each member. */
const EXTRA: Readonly<Record<number, readonly [fixed: number, perMember: number]>> = {
  1: [4, 0], // INT
  2: [0, 0], // PTR
  3: [12, 0], // ARRAY
  4: [0, 12], // STRUCT
  5: [0, 12], // UNION
  6: [0, 8], // ENUM
  7: [0, 0], // FWD
  8: [0, 0], // TYPEDEF
  9: [0, 0], // VOLATILE
  10: [0, 0], // CONST
  11: [0, 0], // RESTRICT
  12: [0, 0], // FUNC
  13: [0, 8], // FUNC_PROTO
  14: [4, 0], // VAR
  15: [0, 12], // DATASEC
  16: [0, 0], // FLOAT
  17: [4, 0], // DECL_TAG
  18: [0, 0], // TYPE_TAG
  19: [0, 12], // ENUM64
};

/** Where a kernel shows it. */
export const BTF = '/sys/kernel/btf/vmlinux';
/** Bytes of the largest BTF read; that of 6.18 has 5.5 million. */
export const MAX_BTF_BYTES = 64 * 2 ** 20;

/** Where types and strings lie in a file. */
interface Layout {
  readonly word: (at: number) => number;
  readonly types: number;
  readonly typesEnd: number;
  readonly strings: number;
  readonly stringsEnd: number;
}

function layoutOf(bytes: Buffer): Layout | string {
  if (bytes.length < HEADER_BYTES) return 'is too short for a BTF header';
  const little = bytes.readUInt16LE(0) === MAGIC;
  if (!little && bytes.readUInt16BE(0) !== MAGIC) return 'does not begin like BTF';
  const word = (at: number): number => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const header = word(4);
  const types = header + word(8);
  const typesEnd = types + word(12);
  const strings = header + word(16);
  const stringsEnd = strings + word(20);
  if (typesEnd > bytes.length || stringsEnd > bytes.length) return 'is cut short';
  return { word, types, typesEnd, strings, stringsEnd };
}

/** Finds which of some names stands at a place of the strings; nothing is decoded for those that do not. */
function finder(bytes: Buffer, { strings, stringsEnd }: Layout, wanted: readonly string[]) {
  const names = wanted.map((name): [string, Buffer] => [name, Buffer.from(`${name}\0`, 'latin1')]);
  return (at: number): string | undefined =>
    names.find(([, text]) => {
      const start = strings + at;
      const end = start + text.length;
      return (
        end <= stringsEnd && bytes[start] === text[0] && text.equals(bytes.subarray(start, end))
      );
    })?.[0];
}

/** Sets what is not there yet: the first of a name counts. */
function keep(found: Map<string, number>, name: string | undefined, value: number): void {
  if (name !== undefined && !found.has(name)) found.set(name, value);
}

/** Looks things up by name; the first of a name counts. Never throws. */
export function askBtf(bytes: Buffer, query: BtfQuery): BtfAnswer {
  const [sizes, offsets, values] = [0, 1, 2].map(() => new Map<string, number>()) as [
    Map<string, number>,
    Map<string, number>,
    Map<string, number>,
  ];
  const ended = (trouble: string | null): BtfAnswer => ({ sizes, offsets, values, trouble });
  const layout = layoutOf(bytes);
  if (typeof layout === 'string') return ended(layout);
  const { structs = [], members = [], constants = [] } = query;
  const pairs = members.map((one) => one.split('.'));
  const structAt = finder(bytes, layout, [...structs, ...pairs.map(([struct = '']) => struct)]);
  const memberAt = finder(
    bytes,
    layout,
    pairs.map(([, member = '']) => member),
  );
  const constantAt = finder(bytes, layout, constants);
  const { word, typesEnd } = layout;
  for (let at = layout.types; at + TYPE_BYTES <= typesEnd; ) {
    const info = word(at + 4);
    const [kind, count] = [(info >>> 24) & 0x1f, info & 0xffff];
    const extra = EXTRA[kind];
    if (extra === undefined) return ended(`has types of the unknown kind ${kind}`);
    const end = at + TYPE_BYTES + extra[0] + extra[1] * count;
    if (end > typesEnd) return ended('ends inside a type');
    const struct = kind === STRUCT ? structAt(word(at)) : undefined;
    if (struct !== undefined) {
      keep(sizes, struct, word(at + 8));
      for (let member = at + TYPE_BYTES; member < end; member += 12) {
        const name = `${struct}.${memberAt(word(member))}`;
        if (!members.includes(name)) continue;
        // With the flag set, the upper byte is the width of a bit field.
        const bits = info >>> 31 === 1 ? word(member + 8) & 0xff_ffff : word(member + 8);
        keep(offsets, name, bits / 8);
      }
    }
    if (kind === ENUM && constants.length > 0) {
      for (let one = at + TYPE_BYTES; one < end; one += 8) {
        keep(values, constantAt(word(one)), word(one + 4));
      }
    }
    at = end;
  }
  return ended(null);
}
