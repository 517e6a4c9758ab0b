/** Claims checked in a test, against the core as it is or a broken one. */
import { CLAIMS } from '../../bench/claims/claims.ts';
import { type ContextOptions, openContext } from '../../bench/claims/context.ts';
import { claimResult } from '../../bench/commands/claims.ts';
import { allowedCores } from '../../bench/explore/session.ts';
import type { ClaimResult } from '../../reports/index.ts';

/** Checks claims side by side on all cores, and ends the processes that did it. */
export async function checkClaims(
  ids: readonly string[],
  options: Partial<Pick<ContextOptions, 'strategy' | 'patches' | 'quick' | 'seed'>> = {},
): Promise<ClaimResult[]> {
  const usual = { strategy: 'splice-caches', quick: false, seed: 1, cores: allowedCores() };
  const chosen = { ...usual, ...options };
  const context = await openContext(chosen);
  try {
    const claims = CLAIMS.filter(({ id }) => ids.includes(id));
    return await Promise.all(
      claims.map(async (claim) => claimResult(claim, chosen, await claim.check(context))),
    );
  } finally {
    context.close();
  }
}

/** The claim of an id, checked. */
export async function checkClaim(
  id: string,
  options: Parameters<typeof checkClaims>[1] = {},
): Promise<ClaimResult> {
  const [result] = await checkClaims([id], options);
  if (result === undefined) throw new Error(`no claim ${id}`);
  return result;
}
