/** All reparenting strategies; the only place that names them. */
import { linkPages } from './link-pages.ts';
import { listPages } from './list-pages.ts';
import { objcg, objcgByMemcg, objcgFiveSlots, objcgPerNode } from './objcg.ts';
import { pin } from './pin.ts';
import { scanPages, scanPagesJs } from './scan-pages.ts';
import { spliceCaches } from './splice-caches.ts';
import type { Strategy } from './strategy.ts';

/** All that are right. */
export const STRATEGIES: readonly Strategy[] = [
  pin,
  scanPages,
  listPages,
  spliceCaches,
  scanPagesJs,
  linkPages,
  objcg,
  objcgPerNode,
  objcgFiveSlots,
];

/** Designs that were proposed and are wrong: to be run on purpose only, and the audit says why. */
const MISTAKEN: readonly Strategy[] = [objcgByMemcg];

/** Every design that a machine can have. */
export const DESIGNS: readonly Strategy[] = [...STRATEGIES, ...MISTAKEN];

/** The designs that are compared unless others are named. */
export const STRATEGY_NAMES: readonly string[] = [
  pin.name,
  scanPages.name,
  listPages.name,
  spliceCaches.name,
  objcg.name,
];

/** These and the variants. */
export const ALL_STRATEGY_NAMES: readonly string[] = STRATEGIES.map((strategy) => strategy.name);

/** Names of the designs that are wrong. */
export const MISTAKEN_NAMES: readonly string[] = MISTAKEN.map((strategy) => strategy.name);

/** Names of those in which all memcgs share the caches. */
export const SHARING_NAMES: readonly string[] = DESIGNS.filter(
  ({ sharesCaches }) => sharesCaches,
).map(({ name }) => name);
