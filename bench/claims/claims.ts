/** All claims, in the order in which they are told. */
import type { Claim } from './claim.ts';
import { LOCAL_CLAIMS } from './local.ts';
import { QUESTIONS } from './questions.ts';
import { RACE_CLAIMS } from './races.ts';
import { RELEASE_CLAIMS } from './release.ts';
import { STATISTICS_CLAIMS } from './statistics.ts';
import { STOCK_CLAIMS } from './stocks.ts';

/** See the head of the file. */
export const CLAIMS: readonly Claim[] = [
  ...RELEASE_CLAIMS,
  ...STATISTICS_CLAIMS,
  ...LOCAL_CLAIMS,
  ...RACE_CLAIMS,
  ...QUESTIONS,
  ...STOCK_CLAIMS,
];
