/** What a user may write after `claims`, and what it means when left out. */
import type { Option } from 'commander';
import { STRATEGIES } from '../core/index.ts';
import type { Claim } from './claims/claim.ts';
import { CLAIMS } from './claims/claims.ts';
import { UsageError } from './errors.ts';
import { parseStrategies, quote, textOption } from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';

/** The options of `claims`, as commander hands them over. */
export interface ClaimsRaw extends RawOptions {
  only?: readonly Claim[];
}

/** Everything `claims` needs, checked. */
export interface ClaimsOptions {
  readonly claims: readonly Claim[];
  /** Whose removals the claims are put to. */
  readonly strategy: string;
  readonly quick: boolean;
  readonly seed: number;
}

/** The design that the mails are about. */
export const CLAIMED = 'splice-caches';

/** Reads `release,pointer`, or `all`. */
function parseOnly(option: string, text: string): Claim[] {
  if (text.trim() === 'all') return [...CLAIMS];
  const wanted = text.split(',').map((id) => id.trim());
  const unknown = wanted.find((one) => CLAIMS.every(({ id }) => id !== one));
  if (unknown !== undefined) {
    const ids = CLAIMS.map(({ id }) => id).join(', ');
    throw new UsageError(`${option}: no claim is called ${quote(unknown)}; there are ${ids}`);
  }
  return CLAIMS.filter(({ id }) => wanted.includes(id));
}

/** All options of `claims`. */
export function claimsOptions(): Option[] {
  return [
    textOption('--only <IDS>', 'claims by their ids, such as pointer,release', parseOnly),
    textOption(
      '--strategies <a,b>',
      `the design that they are put to, one (default: ${CLAIMED})`,
      parseStrategies,
    ),
    ...commonOptions().filter(({ long }) => long !== '--strategies'),
  ];
}

/** Fills in what the user left out. */
export function resolveClaims(raw: ClaimsRaw): ClaimsOptions {
  const [strategy = CLAIMED, ...more] = raw.strategies ?? [];
  if (more.length > 0) {
    throw new UsageError(
      `--strategies: claims are about one design; give one, not ${more.length + 1}`,
    );
  }
  // Shared caches belong to no cgroup.
  const design = STRATEGIES.find(({ name }) => name === strategy);
  if (design === undefined || design.sharesCaches) {
    const names = STRATEGIES.filter((one) => !one.sharesCaches).map(({ name }) => name);
    throw new UsageError(
      `--strategies: the claims are about caches of cgroups, which ${strategy} has none of; give one of ${names.join(', ')}`,
    );
  }
  return {
    claims: raw.only ?? CLAIMS,
    ...{ strategy, quick: raw.quick ?? false, seed: raw.seed ?? DEFAULT_SEED },
  };
}
