/** What is looked at when a run is over: what its threads said, the audits, and what is left in the end. */
import { type Control, CTL } from './control.ts';
import type { LoadedCore } from './load-core.ts';
import { type Builder, type Scenario, settleAlone, tearDown } from './world.ts';

/** What must hold and did not. */
export interface Broken {
  readonly invariant: string;
  readonly detail: string;
}

/** Errors that are findings; every other one is the explorer's or the scenario's own. */
const FINDINGS: Readonly<Record<string, string>> = {
  ModelError: 'assertion',
  'use after free': 'use after free',
  'C-C': 'C-C',
  deadlock: 'deadlock',
  livelock: 'livelock',
};

/** Assertions of the model that stand for something that has a name. */
function kindOf(invariant: string, detail: string): string {
  // A lock that its own CPU holds is reported instead of waited for.
  if (/already holds/.test(detail)) return 'deadlock';
  const sleeps = /inside an RCU read section|with interrupts off/.test(detail);
  return invariant === 'assertion' && sleeps ? 'sleeps in section' : invariant;
}

/** What a thread said as it failed: something broke, or the explorer itself failed. */
export function spoken(control: Control): { broken: Broken[]; failure: string | null } {
  const length = control.words[CTL.textLength] ?? 0;
  const text = new TextDecoder().decode(control.text.slice(0, length));
  const [name = '', detail = '', stack = ''] = text.split('\0');
  const invariant = FINDINGS[name];
  if (invariant === undefined) return { broken: [], failure: `${name}: ${detail}\n${stack}` };
  return {
    broken: [{ invariant: kindOf(invariant, detail), detail: detail.trim() }],
    failure: null,
  };
}

/** Makes the judge of a scenario's runs; each stage only if the one before found nothing. `onStage` tells that it goes on. */
export function createJudge(
  core: LoadedCore,
  scenario: Scenario,
  builder: Builder,
  onStage: () => void,
): () => readonly Broken[] {
  const { machine, cpus } = builder;
  const [cpu] = cpus;

  function audit(broken: Broken[], when: string): void {
    for (const { invariant, detail } of core.audit(machine, cpu).violations) {
      broken.push({ invariant, detail: `${when}: ${detail}` });
    }
  }

  function stagesInto(broken: Broken[]): (() => void)[] {
    const complain = (invariant: string, detail: string): void => {
      broken.push({ invariant, detail });
    };
    return [
      () => audit(broken, 'after the run'),
      () => scenario.check?.(builder, complain),
      () => cpu && settleAlone(cpu),
      () => audit(broken, 'after deferred work'),
      () => scenario.settled?.(builder, complain),
      () => tearDown(builder, complain),
      () => audit(broken, 'after everything was freed'),
    ];
  }

  return () => {
    const broken: Broken[] = [];
    try {
      // A broken machine is not worked on.
      for (const stage of stagesInto(broken)) {
        onStage();
        stage();
        if (broken.length > 0) break;
      }
    } catch (error) {
      const known = error instanceof Error ? error : new Error(String(error));
      const invariant = FINDINGS[known.name] ?? (known as { invariant?: string }).invariant;
      if (invariant === undefined) throw error;
      broken.push({ invariant, detail: `while it was settled: ${known.message}` });
    }
    return broken;
  };
}
