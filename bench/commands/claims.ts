/**
 * `claims`: each sentence of the patch mails, put to the model. Experiments run side by side; those that
 * ask the explorer take its sessions in turn, one a core.
 */
import { availableParallelism } from 'node:os';
import { type ClaimResult, type ClaimsResults, formatCounted } from '../../reports/index.ts';
import type { Claim, Finding } from '../claims/claim.ts';
import { type ClaimContext, openContext } from '../claims/context.ts';
import { CLAIMED, type ClaimsOptions } from '../claims-options.ts';
import { CapacityError } from '../errors.ts';
import { PatchError } from '../explore/patched-core.ts';
import { allowedCores, SessionError } from '../explore/session.ts';
import { DEFAULT_SEED } from '../options.ts';
import type { CommandCheck, CommandContext, CommandResult, Plan } from './registry.ts';

/** Bytes of a session of the explorer, as `explore` counts them, and of the experiments beside. */
const SESSION_BYTES = 2 ** 30;
const OWN_BYTES = 2 ** 28;
const SESSIONS_MAX = 4;

/** What the outcome of a claim depends on, besides the claim. */
export type ClaimChoice = Pick<ClaimsOptions, 'strategy' | 'quick' | 'seed'>;

/** Cores for sessions; unnamed where the system does not say which. */
function coresFor(claims: number): (number | null)[] {
  const known = allowedCores();
  const cores =
    known.length > 0 ? known : Array.from({ length: availableParallelism() }, () => null);
  return cores.slice(0, Math.max(1, Math.min(SESSIONS_MAX, claims)));
}

/** What would be checked. */
export function planClaims({ claims, strategy, quick }: ClaimsOptions): Plan {
  const cores = coresFor(claims.length);
  const how = quick
    ? 'with at most one preemption'
    : 'with at most two preemptions (one in the largest scenarios)';
  return {
    lines: [
      `claims: ${formatCounted(claims.length, 'claim')}, put to ${strategy}; races under every schedule ${how}`,
      ...claims.map(({ id, statement }) => `claim ${id}: ${statement}`),
    ],
    bytes: cores.length * SESSION_BYTES + OWN_BYTES,
    remedy: 'leave other programs less, or check one claim at a time (--only)',
  };
}

/** What repeats a row: whatever its outcome depends on is in it. */
function commandOf({ id }: Claim, { strategy, quick, seed }: ClaimChoice): string {
  return [
    `slabsplice claims --only ${id}`,
    ...(strategy === CLAIMED ? [] : [`--strategies ${strategy}`]),
    ...(quick ? ['--quick'] : []),
    ...(seed === DEFAULT_SEED ? [] : [`--seed ${seed}`]),
  ].join(' ');
}

/** A claim and how it came out, as the record has it. */
export function claimResult(claim: Claim, choice: ClaimChoice, finding: Finding): ClaimResult {
  const { strategy } = choice;
  const { id, group, statement, source, experiment, expected, resolution = '' } = claim;
  const { verdict, evidence, figures, searches, witnesses } = finding;
  return {
    ...{ id, group, statement, source, verdict, evidence },
    ...{ expected: expected.verdict, expectedSource: expected.source, experiment, resolution },
    ...{ strategy, figures: [...figures], searches: [...searches], witnesses: [...witnesses] },
    command: commandOf(claim, choice),
  };
}

/** Seconds of those that take longer than the others, as measured: they search for races. */
const SECONDS: Readonly<Record<string, number>> = {
  ...{ pointer: 1, 'charge-races': 8, 'cache-in-use': 2, 'percpu-until-deactivation': 1 },
  ...{ 'no-rcu-wait': 9, 'children-list': 1 },
};
const USUAL_SECONDS = 0.3;

function secondsOf({ id }: Claim): number {
  return SECONDS[id] ?? USUAL_SECONDS;
}

/** Checks claims side by side; whatever was not finished when the signal came is left out. */
async function checkAll(
  options: ClaimsOptions,
  context: ClaimContext,
  { signal, progress }: CommandContext,
): Promise<ClaimsResults> {
  const { claims } = options;
  const failures: string[] = [];
  const total = claims.reduce((sum, claim) => sum + secondsOf(claim), 0);
  let done = 0;
  progress.update(0, total, 'races and experiments');
  const all = Promise.all(
    claims.map(async (claim) => {
      try {
        const finding = await claim.check(context);
        done += secondsOf(claim);
        // The sum is of parts in another order, so it may end a hair beyond.
        progress.update(Math.min(done, total), total, `${claim.id} is decided`);
        return signal.aborted ? [] : [claimResult(claim, options, finding)];
      } catch (error) {
        const ours = error instanceof SessionError || error instanceof PatchError;
        if (!ours) throw error;
        if (!signal.aborted) failures.push(`${claim.id}: ${error.message}`);
        return [];
      }
    }),
  );
  const checked = await progress.alive(all);
  return { claims: checked.flat(), failures };
}

function checksOf({ claims }: ClaimsResults): CommandCheck[] {
  if (claims.length === 0) return [];
  const others = claims.filter(({ verdict, expected }) => verdict !== expected);
  const texts = others.map(({ id, verdict, expected }) => `${id} ${verdict}, not: ${expected}`);
  return [
    {
      name: 'every claim comes out as the rules of its kernel have it',
      ok: others.length === 0,
      detail: others.length === 0 ? formatCounted(claims.length, 'claim') : texts.join('; '),
    },
  ];
}

/** Checks claims. */
export async function runClaims(
  options: ClaimsOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { claims, strategy, quick, seed } = options;
  const { signal } = context;
  const opened = await openContext({ strategy, quick, seed, cores: coresFor(claims.length) });
  const stop = () => opened.close();
  signal.addEventListener('abort', stop);
  try {
    const results = await checkAll(options, opened, context);
    const [first] = results.failures;
    return {
      results,
      parameters: { only: claims.map(({ id }) => id), strategies: [strategy], quick, seed },
      checks: checksOf(results),
      complete: results.failures.length === 0 && results.claims.length === claims.length,
      warnings: [],
      atomics: 'explore',
      ...(first === undefined
        ? {}
        : { failure: new CapacityError(`an experiment itself failed: ${first.split('\n')[0]}`) }),
    };
  } finally {
    signal.removeEventListener('abort', stop);
    opened.close();
  }
}
