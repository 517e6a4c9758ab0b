/**
 * One CPU of an explored machine. The thread of CPU 0 also drives: it sets the scenario up and runs
 * its schedules one after the other. All threads of a session have loaded the same core.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { CTL } from '../explore/control.ts';
import { createDriver, type Driver } from '../explore/driver.ts';
import { createEngine, type Engine } from '../explore/engine.ts';
import {
  columnsOf,
  type FromThread,
  type Job,
  runJob,
  type ToThread,
  type WorkerTask,
} from '../explore/job.ts';
import { type LoadedCore, loadCore } from '../explore/load-core.ts';
import { type MemoryMap, mapMemory } from '../explore/memory-map.ts';
import { scenarioNamed } from '../explore/scenarios.ts';
import { type Builder, COUNTER, type Part, type Scenario } from '../explore/world.ts';

const task = workerData as WorkerTask;
const me = task.thread;

function say(message: FromThread): void {
  parentPort?.postMessage(message);
}

/** What this thread does in each run. */
interface Bound {
  readonly engine: Engine;
  readonly map: MemoryMap;
  body(): void;
}

function bind(core: LoadedCore, scenario: Scenario, job: Job): Bound {
  const engine = createEngine(job.control, me, task.spins);
  core.beginTracking(engine);
  const machine = core.attachMachine(job.memory);
  const cpu = core.bindCpu(machine, me);
  const map = mapMemory(
    machine,
    core.endTracking(),
    core.strategyBuffer(machine),
    scenario.watchUsage === true,
  );
  engine.bind(map);
  if (job.work.kind === 'replay' && job.work.tell) engine.telling.on();
  const part: Part = {
    ...{ cpu, world: job.world },
    counter: {
      load: (word = COUNTER) => core.load(machine.zone.head, word),
      store: (value, word = COUNTER) => core.store(machine.zone.head, word, value),
      add: (value, word = COUNTER) => core.add(machine.zone.head, word, value),
      compareExchange: (expected, value, word = COUNTER) =>
        core.compareExchange(machine.zone.head, word, expected, value),
    },
    wait: () => engine.park(),
    pause: () => engine.doze(),
    rest: () => engine.rest(),
  };
  const thread = scenario.threads[me];
  if (thread === undefined) throw new Error(`scenario ${scenario.name} has no thread ${me}`);
  if (thread.interrupt !== undefined) cpu.onInterrupt(() => thread.interrupt?.(part));
  return {
    ...{ engine, map },
    body() {
      cpu.enter();
      thread.body(part);
      cpu.idle();
    },
  };
}

/** The thread of CPU 0: sets the scenario up, by bindings that the explorer does not see. */
function prepareDriver(core: LoadedCore, scenario: Scenario, job: Job, bound: Bound): Driver {
  const machine = core.attachMachine(job.memory);
  const cpus = scenario.threads.map((_, cpu) => core.bindCpu(machine, cpu));
  const builder: Builder = {
    ...{ machine, cpus, world: job.world, names: { memcgs: {}, caches: {} } },
  };
  // The root cgroup came into use before anybody looked.
  job.control.rows[1] = 1;
  scenario.setup(builder);
  return createDriver({ core, scenario, builder, control: job.control, ...bound });
}

function serve(bound: Bound, job: Job): void {
  for (;;) {
    bound.engine.awaitTurn();
    if (job.control.words[CTL.jobOver] === 1) return;
    bound.engine.run(bound.body);
  }
}

async function main(): Promise<void> {
  const core = await loadCore(task.coreFolder);
  let driver: (() => void) | null = null;
  parentPort?.on('message', (message: ToThread) => {
    try {
      if (message.kind === 'go') {
        driver?.();
        return;
      }
      const { job } = message;
      const scenario = scenarioNamed(job.scenario);
      const bound = bind(core, scenario, job);
      if (me !== 0) {
        say({ kind: 'ready', names: null, columns: [] });
        serve(bound, job);
        say({ kind: 'steps', steps: bound.engine.telling.steps() });
        return;
      }
      const prepared = prepareDriver(core, scenario, job, bound);
      driver = () => {
        const result = runJob(prepared, job, bound.map);
        job.control.words[CTL.jobOver] = 1;
        for (let thread = 1; thread < scenario.threads.length; thread++)
          bound.engine.release(thread);
        say({ kind: 'steps', steps: bound.engine.telling.steps() });
        say({ kind: 'result', result });
      };
      say({ kind: 'ready', names: prepared.builder.names, columns: columnsOf(bound.map) });
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      say({ kind: 'failed', text });
    }
  });
  say({ kind: 'loaded' });
}

await main();
