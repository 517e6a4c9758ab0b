/** All reparenting strategies; the only place that names them. */
import { linkPages } from './link-pages.ts';
import { listPages } from './list-pages.ts';
import { pin } from './pin.ts';
import { scanPages, scanPagesJs } from './scan-pages.ts';
import { spliceCaches } from './splice-caches.ts';
import type { Strategy } from './strategy.ts';

/** The order is part of a machine's header: append, do not reorder. */
export const STRATEGIES: readonly Strategy[] = [
  pin,
  scanPages,
  listPages,
  spliceCaches,
  scanPagesJs,
  linkPages,
];

/** The designs that are compared unless others are named. */
export const STRATEGY_NAMES: readonly string[] = [
  pin.name,
  scanPages.name,
  listPages.name,
  spliceCaches.name,
];

/** These and the variants of the rivals. */
export const ALL_STRATEGY_NAMES: readonly string[] = STRATEGIES.map((strategy) => strategy.name);
