/**
 * Bugs of the past, put back: which lines of the core are replaced by what, the scenario that shows it
 * and the invariant that must break. Numbers as in the specification of the machinery (kernel-model e);
 * P: errors of our own designs; O: of designs with an owner per object.
 */
import type { Mutant, NotExpressible } from './mutant.ts';
import { ACCOUNT_MUTANTS } from './mutants-accounts.ts';
import { CACHE_MUTANTS } from './mutants-caches.ts';
import { OBJECT_MUTANTS } from './mutants-objects.ts';

/** All of them. */
export const MUTANTS: readonly Mutant[] = [...CACHE_MUTANTS, ...ACCOUNT_MUTANTS, ...OBJECT_MUTANTS];

/** What the model cannot express, and why. */
export const NOT_EXPRESSIBLE: readonly NotExpressible[] = [
  {
    id: 'M06',
    title: 'duplicate sysfs name',
    why: 'the model has no sysfs: caches have rows and no names that could collide',
  },
  {
    id: 'M14',
    title: 'shadow-node counter bypass',
    why: 'the model keeps no WORKINGSET_NODES counter: count_shadow_nodes reads the lists themselves',
  },
  {
    id: 'M17',
    title: 'local statistics not moved',
    why: 'nobody has to put it back: the faithful rules do so (see the findings)',
  },
  {
    id: 'M23',
    title: 'sysfs deadlock',
    why: 'the model has neither sysfs files nor a hotplug lock to wait for each other',
  },
  {
    id: 'M24',
    title: 'asynchronous sysfs removal',
    why: 'the model has no sysfs: caches have rows and no names that could collide',
  },
  {
    id: 'M25',
    title: "shrink-all tests the wrong cache's flag",
    why: 'harmless: a deactivated cache is shrunk once more, and no invariant can tell',
  },
  {
    id: 'D5d',
    title: 'css of the child dropped before its caches have their new owner',
    why: 'a cgroup is released and freed by the queue that the offline itself runs on, so never before it is over: the order inside it cannot be seen',
  },
];
