/**
 * Scenario files: plain JSON, each value either bare or `{ "value": …, "from": "where it comes from" }`.
 * Every mistake is one line that names the file, the line, the key and the permitted range.
 */
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { InputError, UsageError } from '../errors.ts';
import { capacitiesOf } from './capacities.ts';
import {
  ACTION,
  isInRange,
  KIND,
  type Parameter,
  rangeText,
  type Scenario,
  SECTIONS,
  type Section,
  TOP,
} from './parameters.ts';

/** A value of a scenario as reports show it. */
export interface EffectiveParameter {
  /** Such as `host.cpus` or `kinds.timer.share`. */
  readonly key: string;
  readonly value: number | string;
  readonly from: string | null;
}

/** A scenario that was read, checked and filled in. */
export interface ReadScenario {
  readonly scenario: Scenario;
  readonly parameters: readonly EffectiveParameter[];
}

/** Keys that are not parameters. */
const PLAIN = ['$schema', 'name', 'about'];
const LISTS = { kinds: KIND, actions: ACTION } as const;

/** What is being read: for messages. */
interface Source {
  readonly file: string;
  readonly text: string;
  readonly parameters: EffectiveParameter[];
}

function lineOf(source: Source, node: Node): number {
  return source.text.slice(0, node.offset).split('\n').length;
}

function refuse(source: Source, node: Node, what: string, todo: string): never {
  // Keys and values are the file's: nothing of them may steer a terminal.
  const plain = (text: string) => text.replace(/\p{C}/gu, '?');
  throw new InputError(source.file, lineOf(source, node), plain(what), plain(todo));
}

/** The members of an object. */
function membersOf(source: Source, node: Node, key: string): Map<string, Node> {
  if (node.type !== 'object') {
    refuse(source, node, `${key || 'the scenario'} is not an object`, 'write it in braces');
  }
  const members = new Map<string, Node>();
  for (const property of node.children ?? []) {
    const [name, value] = property.children ?? [];
    if (name === undefined || value === undefined) continue;
    if (members.has(name.value)) {
      refuse(source, name, `${joined(key, name.value)} is given twice`, 'give it once');
    }
    members.set(name.value, value);
  }
  return members;
}

function joined(section: string, key: string): string {
  return section === '' ? key : `${section}.${key}`;
}

/** A bare value, or one with where it comes from. */
function unwrap(source: Source, node: Node, key: string): { value: Node; from: string | null } {
  if (node.type !== 'object') return { value: node, from: null };
  const members = membersOf(source, node, key);
  const value = members.get('value');
  const from = members.get('from');
  for (const [name, member] of members) {
    if (name === 'value' || name === 'from') continue;
    refuse(source, member, `${key}.${name} is not known`, 'give a value, or "value" and "from"');
  }
  if (value === undefined) refuse(source, node, `${key} has no "value"`, 'add one');
  if (from !== undefined && from.type !== 'string') {
    refuse(source, from, `${key}.from is not a text`, 'say where the value comes from');
  }
  return { value, from: from === undefined ? null : String(from.value) };
}

function readValue(
  source: Source,
  node: Node,
  key: string,
  parameter: Parameter,
): { value: number | string; from: string | null } {
  const { value, from } = unwrap(source, node, key);
  if (!isInRange(parameter, value.value)) {
    const shown = source.text.slice(value.offset, value.offset + Math.min(value.length, 40));
    refuse(
      source,
      value,
      `${key} is ${shown.replace(/\s+/g, ' ')}`,
      `it must be ${rangeText(parameter)}`,
    );
  }
  return { value: value.value, from };
}

/** Names that look like a misspelt one. */
function suggestion(key: string, known: readonly string[]): string {
  const near = known.find((name) => name.toLowerCase() === key.toLowerCase());
  return near === undefined ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
}

/** Reads a section's parameters; other keys are refused. */
function readSection(
  source: Source,
  node: Node | undefined,
  at: { section: string; spec: Section; also?: readonly string[]; owner?: Node },
): Record<string, number | string> {
  const { section, spec } = at;
  const members = node === undefined ? new Map<string, Node>() : membersOf(source, node, section);
  const known = [...Object.keys(spec), ...(at.also ?? [])];
  for (const [name, member] of members) {
    if (known.includes(name)) continue;
    refuse(source, member, `${joined(section, name)} is not known`, suggestion(name, known));
  }
  const values: Record<string, number | string> = {};
  for (const [key, parameter] of Object.entries(spec)) {
    const member = members.get(key);
    const full = joined(section, key);
    if (member === undefined) {
      if (parameter.standard === undefined) {
        const where = node ?? at.owner;
        const what = `${full} is missing`;
        const todo = `give ${rangeText(parameter)}`;
        if (where === undefined) throw new InputError(source.file, 0, what, todo);
        refuse(source, where, what, todo);
      }
      values[key] = parameter.standard;
      source.parameters.push({ key: full, value: parameter.standard, from: 'default' });
    } else {
      const { value, from } = readValue(source, member, full, parameter);
      values[key] = value;
      source.parameters.push({ key: full, value, from });
    }
  }
  return values;
}

function readList(
  source: Source,
  node: Node | undefined,
  list: keyof typeof LISTS,
): Record<string, number | string>[] {
  if (node === undefined) return [];
  if (node.type !== 'array') {
    refuse(source, node, `${list} is not a list`, 'write it in square brackets');
  }
  const names = new Set<string>();
  return (node.children ?? []).map((child, index) => {
    const members = membersOf(source, child, `${list}[${index}]`);
    const named = members.get('name');
    const given = named === undefined ? undefined : unwrap(source, named, 'name').value.value;
    // A bad name is refused below, by a key that can be printed.
    const name = isInRange(KIND.name, given) ? String(given) : String(index);
    if (names.has(name)) refuse(source, child, `${list}.${name} is there twice`, 'name each once');
    names.add(name);
    return readSection(source, child, { section: `${list}.${name}`, spec: LISTS[list] });
  });
}

function parse(source: Source): Node {
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(source.text, errors, { disallowComments: true });
  } catch (error) {
    // The parser calls itself for each bracket.
    if (!(error instanceof RangeError)) throw error;
    throw new InputError(source.file, 1, 'is not JSON (nested too deeply)', 'correct it there');
  }
  const [first] = errors;
  if (first !== undefined || root === undefined) {
    const line = source.text.slice(0, first?.offset ?? 0).split('\n').length;
    const reason = first === undefined ? 'empty' : printParseErrorCode(first.error);
    throw new InputError(source.file, line, `is not JSON (${reason})`, 'correct it there');
  }
  return root;
}

/** Reads a scenario. @throws InputError */
export function readScenario(text: string, file: string): ReadScenario {
  const source: Source = { file, text, parameters: [] };
  const root = parse(source);
  const members = membersOf(source, root, '');
  const plain = (key: string): string => {
    const node = members.get(key);
    if (node === undefined) return '';
    if (node.type !== 'string') refuse(source, node, `${key} is not a text`, 'put it in quotes');
    // They are printed: control characters could steer a terminal.
    if (/\p{C}/u.test(node.value)) {
      refuse(source, node, `${key} has control characters`, 'leave them out');
    }
    return node.value;
  };
  plain('$schema');
  const sections = Object.keys(SECTIONS);
  const also = [...PLAIN, ...sections, ...Object.keys(LISTS)];
  const top = readSection(source, root, { section: '', spec: TOP, also });
  const section = (name: keyof typeof SECTIONS) =>
    readSection(source, members.get(name), { section: name, spec: SECTIONS[name], owner: root });
  const scenario = {
    ...top,
    name: plain('name') || file,
    about: plain('about'),
    host: section('host'),
    files: section('files'),
    pressure: section('pressure'),
    kinds: readList(source, members.get('kinds'), 'kinds'),
    actions: readList(source, members.get('actions'), 'actions'),
    // Each section was read by its own spec, which a record of names cannot say.
  } as unknown as Scenario;
  checkShares(scenario, (what, todo) => refuse(source, members.get('kinds') ?? root, what, todo));
  checkFits(scenario, (what, todo) =>
    refuse(source, members.get('cgroupsPerDay') ?? root, what, todo),
  );
  return { scenario, parameters: source.parameters };
}

type Refuse = (what: string, todo: string) => never;

/** Shares of what is created must make a whole. */
function checkShares(scenario: Scenario, fail: Refuse): void {
  if (scenario.kinds.length === 0) {
    if (scenario.cgroupsPerDay > 0) fail('kinds is empty', 'describe at least one kind of cgroup');
    return;
  }
  const sum = scenario.kinds.reduce((total, kind) => total + kind.share, 0);
  if (Math.abs(sum - 1) > 0.001) {
    fail(`the shares of all kinds add up to ${Number(sum.toFixed(4))}`, 'make it 1');
  }
}

/** The highest rate, in whole cgroups a day, for which there is a machine. */
function mostPerDay(scenario: Scenario): number {
  let fits = 0;
  let exceeds = Math.ceil(scenario.cgroupsPerDay);
  while (exceeds - fits > 1) {
    const cgroupsPerDay = Math.floor((fits + exceeds) / 2);
    if (capacitiesOf({ ...scenario, cgroupsPerDay }).over.length === 0) fits = cgroupsPerDay;
    else exceeds = cgroupsPerDay;
  }
  return fits;
}

/** A machine for it must exist. */
function checkFits(scenario: Scenario, fail: Refuse): void {
  const { host, kinds } = scenario;
  // The cgroups that others are made in have ids, too, and where ids are rows of a table the root has one.
  const above = new Set(kinds.map((kind) => kind.parent)).add('system.slice');
  above.delete('/');
  const room = host.ids - above.size - (host.idsHeldUntil === 'release' ? 1 : 0) - 1;
  if (host.services > room) {
    fail(
      `host.services is ${host.services}, but there are ${host.ids} ids in all`,
      `it must be a whole number from 0 to ${Math.max(0, room)}`,
    );
  }
  const parents = new Set(['/', 'system.slice', ...kinds.map((kind) => kind.parent)]);
  const lost = scenario.actions.find(
    (action) => action.do === 'reclaim' && !parents.has(action.cgroup),
  );
  if (lost !== undefined) {
    fail(
      `an action reclaims of the cgroup ${lost.cgroup}, which there is not`,
      `give one of ${[...parents].join(', ')}`,
    );
  }
  const [over] = capacitiesOf(scenario).over;
  if (over === undefined) return;
  const { table, needed, limit } = over;
  const most = mostPerDay(scenario);
  fail(
    `cgroupsPerDay is ${scenario.cgroupsPerDay}, which needs ${needed} rows of ${table} at the same time; there are at most ${limit}`,
    `with the other values it must be a number from 0 to ${most}`,
  );
}

/** Where a parameter is, and what it may be. */
interface Place {
  readonly key: string;
  readonly path: readonly (string | number)[];
  readonly parameter: Parameter;
}

/** Every parameter that a scenario has. */
function placesOf(scenario: Scenario): Place[] {
  const places = (section: string, path: Place['path'], spec: Section): Place[] =>
    Object.entries(spec).map(([key, parameter]) => ({
      ...{ key: joined(section, key), path: [...path, key], parameter },
    }));
  return [
    ...places('', [], TOP),
    ...Object.entries(SECTIONS).flatMap(([section, spec]) => places(section, [section], spec)),
    ...scenario.kinds.flatMap(({ name }, at) => places(`kinds.${name}`, ['kinds', at], KIND)),
    ...scenario.actions.flatMap((_, at) => places(`actions.${at}`, ['actions', at], ACTION)),
  ];
}

/** Finds a parameter by its key, or by the last word of it where that is clear. @throws UsageError */
export function findParameter(scenario: Scenario, option: string, wanted: string): Place {
  const places = placesOf(scenario);
  const exact = places.find(({ key }) => key === wanted);
  if (exact !== undefined) return exact;
  const ends = places.filter(({ key }) => key.endsWith(`.${wanted}`));
  const [only] = ends;
  if (only !== undefined && ends.length === 1) return only;
  const todo =
    ends.length > 1
      ? `say which: ${ends.map(({ key }) => key).join(', ')}`
      : `known are ${places.map(({ key }) => key).join(', ')}`;
  throw new UsageError(`${option}: there is no parameter '${wanted}' in ${scenario.name}; ${todo}`);
}

/** A value that the command line changes. */
export interface Change {
  readonly option: string;
  readonly key: string;
  readonly value: number | string;
}

/** What was written on the command line, as a parameter has it: 5.3 may be a number or a word. */
function asWritten(parameter: Parameter, given: number | string): number | string {
  if (typeof given === 'number' || !('unit' in parameter)) return given;
  const number = Number(given);
  return given.trim() !== '' && Number.isFinite(number) ? number : given;
}

function withValue(
  read: ReadScenario,
  { option, key: wanted, value: given }: Change,
): ReadScenario {
  const { key, path, parameter } = findParameter(read.scenario, option, wanted);
  const value = asWritten(parameter, given);
  if (key.startsWith('kinds.') && key.endsWith('.name')) {
    throw new UsageError(
      `${option}: the name of a kind is what it is found by; change it in the file`,
    );
  }
  if (!isInRange(parameter, value)) {
    throw new UsageError(`${option}: ${key} is ${value}; it must be ${rangeText(parameter)}`);
  }
  const scenario = structuredClone(read.scenario);
  setAt(scenario as unknown as Record<string, unknown>, path, value);
  const parameters = read.parameters.map((one) =>
    one.key === key ? { key, value, from: `${option} on the command line` } : one,
  );
  return { scenario, parameters };
}

/** A scenario with values changed. @throws UsageError when one is out of range, or it does not fit */
export function withValues(read: ReadScenario, changes: readonly Change[]): ReadScenario {
  const changed = changes.reduce(withValue, read);
  const fail: Refuse = (what, todo) => {
    throw new UsageError(`${changes.at(-1)?.option ?? read.scenario.name}: ${what}; ${todo}`);
  };
  checkShares(changed.scenario, fail);
  checkFits(changed.scenario, fail);
  return changed;
}

function setAt(
  scenario: Record<string | number, unknown>,
  path: Place['path'],
  value: number | string,
): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (rest.length === 0) scenario[first] = value;
  else setAt(scenario[first] as Record<string | number, unknown>, rest, value);
}
