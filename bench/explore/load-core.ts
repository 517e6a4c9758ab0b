/** The core that is explored: the installed one, or a patched copy of it in another folder. */
import type * as Core from '../../core/index.ts';
import type * as Exploring from '../../core/shared/atomics-explore.ts';

/** What the explorer uses of a core. */
export interface LoadedCore
  extends Pick<typeof Core, 'attachMachine' | 'audit' | 'bindCpu' | 'createMachine'>,
    Pick<
      typeof Exploring,
      'add' | 'beginTracking' | 'compareExchange' | 'endTracking' | 'load' | 'store'
    > {
  strategyBuffer(machine: Core.Machine): SharedArrayBuffer | null;
}

/** The folder of the compiled core. */
export const OWN_CORE = new URL('../../core/', import.meta.url).href;

/** Loads the core in a folder, with its own exploring atomics. */
export async function loadCore(folder: string): Promise<LoadedCore> {
  const core = (await import(new URL('index.js', folder).href)) as typeof Core;
  const atomics = (await import(
    new URL('shared/atomics-explore.js', folder).href
  )) as typeof Exploring;
  const { attachMachine, audit, bindCpu, createMachine, ATOMICS_KIND } = core;
  const { beginTracking, endTracking } = atomics;
  if (ATOMICS_KIND !== 'explore') {
    throw new Error(`the core in ${folder} runs on ${ATOMICS_KIND} atomics`);
  }
  return {
    ...{ attachMachine, audit, bindCpu, createMachine, beginTracking, endTracking },
    ...{ load: atomics.load, store: atomics.store, compareExchange: atomics.compareExchange },
    ...{ add: atomics.add },
    strategyBuffer(machine) {
      const { strategy } = machine.memory;
      if (strategy === null || strategy instanceof SharedArrayBuffer) return strategy;
      return strategy.buffer;
    },
  };
}
