/**
 * Ten seconds of storm: two for each strategy, more CPUs than most machines that run this have
 * cores, cgroups in chains. The same as the documented soak, only shorter.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stormRound } from '../../bench/storm-round.ts';
import { STRATEGY_NAMES } from '../../core/index.ts';
import { smallPlan } from './small-plan.ts';

const SECONDS = 10 / STRATEGY_NAMES.length;

for (const strategy of STRATEGY_NAMES) {
  test(`${strategy}: ${SECONDS} s of storm lose nothing`, async () => {
    const plan = await smallPlan({
      ...{ strategy, seconds: SECONDS, cpus: 3, mix: 'pods' },
      ...{ removalsPerSecond: 60, seed: Number(process.env.SLABSPLICE_SEED ?? 1) },
    });
    const signal = new AbortController().signal;
    const round = await stormRound(plan, { signal, label: strategy });
    const broken = round.flatMap(({ audits }) =>
      audits.flatMap(({ when, violations }) => violations.map((one) => ({ when, ...one }))),
    );
    assert.deepEqual(broken, []);
    const churn = round.at(-1)?.churn;
    assert.ok((churn?.removed ?? 0) > 100, `${churn?.removed} cgroups removed`);
    assert.ok((churn?.modules ?? 0) > 0, 'no root cache was destroyed');
  });
}
