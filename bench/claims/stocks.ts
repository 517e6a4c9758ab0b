/**
 * What was said in May 2026, when an obj_cgroup a node made byte stocks miss: claims about designs of later
 * kernels, put to those designs whatever the others are put to.
 */
import { PAGE_BYTES } from '../../core/slub/slabs.ts';
import { pingPong } from '../workload/ping-pong.ts';
import { type Claim, measured, smallest, verdictOf } from './claim.ts';
import type { ClaimContext, TestedCore } from './context.ts';
import { complaints, makeWorld, SMALL, settle, type World } from './machines.ts';
import { FIVE_SLOTS, PER_NODE, STOCK_BY_MEMCG } from './sources.ts';

/** CPU 0 is on node 0, CPU 1 on node 1. */
const NODES = 2;
const MESSAGES = 5000;
/** Most bytes that one life of a memcg can lose where bytes of one node's owner end up with the other's. */
const BOUND = NODES * (PAGE_BYTES - 1);
/** Drains an operation that nobody would notice: LKP's rate of before was "about 0". */
const ABOUT_0 = 0.05;

/** A machine whose CPUs have exchanged messages in some cgroups, and how often their stocks were drained. */
function exchanged(core: TestedCore, strategy: string, cgroups = 1, messages = MESSAGES) {
  const world = makeWorld(core, strategy, { cpus: 2, chargeBatch: 64 });
  const [cpu, other = cpu] = world.cpus;
  if (cpu === undefined || other === undefined) throw new Error('two CPUs were asked for');
  const parent = cpu.createMemcg(world.root);
  const memcgs = Array.from({ length: cgroups }, () => cpu.createMemcg(parent));
  const cache = cpu.createRootCache(SMALL);
  const drains = pingPong({ cpu, other, memcgs, cache }, messages);
  return { world, cpu, other, parent, memcgs, cache, drains };
}

/** All that CPUs keep back is given back. */
function drained(world: World): void {
  for (const cpu of world.cpus) cpu.drainStock();
  settle(world);
}

/** A cgroup that exchanged messages, ends with one freed on the other node, and is removed: what stays charged. */
function lifeOf(core: TestedCore, strategy: string, messages: number) {
  const { world, cpu, other, parent, memcgs, cache, drains } = exchanged(
    ...([core, strategy, 1, messages] as const),
  );
  const [child = 0] = memcgs;
  other.free(other.allocFor(child, cache));
  other.free(cpu.allocFor(child, cache));
  cpu.rmdir(child);
  settle(world);
  drained(world);
  const found = complaints(core, world);
  // Nothing is alive: what the audit counts as owned is less than a page, kept with the parent's obj_cgroups.
  const [, usage = '0', owned = '0'] =
    /usage (\d+) pages, ([\d.]+) are owned/.exec(found[0] ?? '') ?? [];
  return { parent, found, drains, lost: (Number(usage) - Number(owned)) * PAGE_BYTES };
}

const rate = (drains: number): string => drains.toFixed(3);

const DRAINS: Claim = {
  id: 'node-drains',
  group: 'May 2026',
  statement:
    'With an obj_cgroup for each node, threads of a cgroup that alternate between nodes miss the byte stock at each allocation and drain it at each refill.',
  source: PER_NODE,
  experiment: `Two CPUs on two nodes send each other ${MESSAGES} messages turn by turn, under objcg and under objcg-per-node; stocks drained per allocation or free.`,
  expected: {
    verdict: 'holds',
    source:
      'message queue ping-pong of the same thread: drains about 0 before, 11.16 million after',
  },
  async check({ core }: ClaimContext) {
    const one = exchanged(core, 'objcg');
    const each = exchanged(core, 'objcg-per-node');
    const holds = one.drains < ABOUT_0 && each.drains > 1 - ABOUT_0;
    return measured(
      verdictOf(holds, true),
      `${rate(each.drains)} drains an operation with an obj_cgroup a node, ${rate(one.drains)} with one for all.`,
      [
        { name: 'drains an operation, objcg', value: one.drains },
        { name: 'drains an operation, objcg-per-node', value: each.drains },
      ],
    );
  },
};

const BY_MEMCG: Claim = {
  id: 'stock-by-memcg',
  group: 'May 2026',
  statement:
    'It is enough to compare the stock by its memcg instead of its obj_cgroup: the drains go, and the counters stay right.',
  source: STOCK_BY_MEMCG,
  experiment: `The same under objcg-by-memcg; then a cgroup of which an object was freed on the other node is removed, all stocks are drained, and the audit recounts bytes.`,
  expected: {
    verdict: 'fails',
    source:
      'reviews of that patch: bytes below a page are lost, at most nodes x (page - 1) a cgroup',
  },
  async check({ core }: ClaimContext) {
    const it = lifeOf(core, 'objcg-by-memcg', MESSAGES);
    const sound = it.found.length === 0 && it.lost === 0;
    const quiet = it.drains < ABOUT_0;
    const said = sound
      ? 'the audit finds nothing'
      : `the audit finds it: ${it.found.join('; ')}. ${it.lost} bytes are lost for good, of at most ${BOUND} for each cgroup`;
    return measured(
      verdictOf(quiet && sound, true),
      `${rate(it.drains)} drains an operation, but ${said}.`.replace(
        'but the audit finds nothing',
        'and the audit finds nothing',
      ),
      [
        { name: 'drains an operation', value: it.drains },
        { name: 'bytes lost', value: it.lost },
        { name: 'most bytes that one cgroup can lose', value: BOUND },
      ],
      smallest(
        [0, 1, 2, 4, 8],
        (messages) => lifeOf(core, 'objcg-by-memcg', messages).lost !== 0,
        (messages) => {
          const { lost } = lifeOf(core, 'objcg-by-memcg', messages);
          return `messages before: ${messages}; an object allocated on node 0, freed on node 1, its cgroup removed: ${lost} bytes lost`;
        },
      ),
    );
  },
};

/** More cgroups than any number of slots here serves. */
const CGROUPS = [1, 2, 3, 4];

const FIVE: Claim = {
  id: 'five-slots',
  group: 'May 2026',
  statement: 'A stock of five slots makes the drains go, and loses nothing.',
  source: FIVE_SLOTS,
  experiment: `The same under objcg-five-slots, with messages in 1 to ${CGROUPS.length} cgroups in turn; the cgroup is removed and all recounted.`,
  expected: {
    verdict: 'holds with limits',
    source: 'derived: an obj_cgroup a node takes a slot each, so that the sixth drains the first',
  },
  async check({ core }: ClaimContext) {
    const rates = CGROUPS.map((cgroups) => exchanged(core, 'objcg-five-slots', cgroups).drains);
    const life = lifeOf(core, 'objcg-five-slots', MESSAGES);
    const sound = life.found.length === 0 && life.lost === 0;
    const enough = (rates[0] ?? 1) < ABOUT_0;
    const listed = CGROUPS.map((cgroups, at) => `${rate(rates[at] ?? 0)} with ${cgroups}`);
    const broken = sound ? 'nothing is lost' : `the audit finds ${life.found.join('; ')}`;
    return measured(
      verdictOf(
        enough && sound,
        rates.every((drains) => drains < ABOUT_0),
      ),
      `Drains an operation: ${listed.join(', ')} cgroups that take turns on both nodes; ${broken}.`,
      [
        ...CGROUPS.map((cgroups, at) => ({
          ...{ name: `drains an operation, cgroups: ${cgroups}`, value: rates[at] ?? 0 },
        })),
        { name: 'bytes lost', value: life.lost },
      ],
      smallest(
        CGROUPS,
        (cgroups) => (rates[cgroups - 1] ?? 0) >= ABOUT_0,
        (cgroups) =>
          `cgroups that take turns on two nodes: ${cgroups}, with ${cgroups * NODES} obj_cgroups for five slots`,
      ),
    );
  },
};

/** See the head of the file. */
export const STOCK_CLAIMS: readonly Claim[] = [DRAINS, BY_MEMCG, FIVE];
