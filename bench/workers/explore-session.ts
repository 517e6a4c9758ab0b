/**
 * The process of an exploring session: starts a thread for each CPU of the machine that is explored,
 * hands them their jobs, and reports to the process that started it. It ends with that one.
 */
import { Worker } from 'node:worker_threads';
import { type Control, CTL, createControl, DRIVER, renewControl } from '../explore/control.ts';
import type {
  FromThread,
  Job,
  JobResult,
  NamedColumn,
  ToThread,
  WorkerTask,
} from '../explore/job.ts';
import { loadCore } from '../explore/load-core.ts';
import { scenarioNamed } from '../explore/scenarios.ts';
import type { FromSession, Order, ToSession } from '../explore/session.ts';
import type { SeenStep } from '../explore/telling.ts';
import { configOf, type RowNames, WORLD } from '../explore/world.ts';

/** A strategy's tables in WebAssembly memory take a page of this at least. */
const WASM_PAGE_BYTES = 65_536;

/** Between two looks whether a thread is stuck. */
const WATCH_MS = 250;

const spins = Number(process.argv[2] ?? 0);
const deadlineMs = Number(process.argv[3] ?? 0);
let threads: Worker[] = [];
let loadedFrom = '';
/** Kept from job to job: its table of states is large. */
let shared: Control | null = null;

function say(message: FromSession): void {
  process.send?.(message);
}

/** Waits for one message of a kind from a thread; any failure of any thread ends the wait. */
function answerOf<Kind extends FromThread['kind']>(
  worker: Worker,
  kind: Kind,
): Promise<Extract<FromThread, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromThread) => {
      if (message.kind === 'failed') reject(new Error(message.text));
      else if (message.kind === kind) {
        worker.off('message', onMessage);
        // The kind was just compared, which TypeScript does not carry over to the type parameter.
        resolve(message as Extract<FromThread, { kind: Kind }>);
      }
    };
    worker.on('message', onMessage);
    worker.once('error', reject);
  });
}

/** Fails when the thread whose turn it is does not come to its next decision for too long. */
function watchFor(
  control: Control,
  columns: readonly NamedColumn[],
): { stuck: Promise<never>; end(): void } {
  const { words } = control;
  let seen = -1;
  let since = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const [steps, current] = [words[CTL.steps] ?? 0, words[CTL.current] ?? 0];
      const beat = steps + 1000 * (words[CTL.beat] ?? 0);
      if (beat !== seen) {
        seen = beat;
        since = performance.now();
      } else if (performance.now() - since > deadlineMs) {
        const word = words[CTL.lastWord] ?? 0;
        const at = columns.find(({ base, length }) => word >= base && word < base + length);
        const where = at === undefined ? `word ${word}` : `${at.name}[${word - at.base}]`;
        const who = current === DRIVER ? 'the look at a run that is over' : `CPU ${current}`;
        const text = `${who} is stuck: no shared step for ${deadlineMs} ms after decision ${steps}, the last one on ${where}`;
        reject(new Error(text));
      }
    }, WATCH_MS);
  });
  return { stuck, end: () => clearInterval(timer) };
}

function controlFor(words: number): Control {
  if (shared === null || shared.watch.length < words) shared = createControl(words);
  renewControl(shared);
  return shared;
}

async function threadsFor(coreFolder: string, count: number): Promise<Worker[]> {
  if (loadedFrom !== coreFolder) {
    await Promise.all(threads.map((worker) => worker.terminate()));
    threads = [];
    loadedFrom = coreFolder;
  }
  const missing: Promise<unknown>[] = [];
  while (threads.length < count) {
    const task: WorkerTask = { thread: threads.length, coreFolder, spins };
    const worker = new Worker(new URL('./explore.js', import.meta.url), { workerData: task });
    worker.setMaxListeners(0);
    threads.push(worker);
    missing.push(answerOf(worker, 'loaded'));
  }
  await Promise.all(missing);
  return threads.slice(0, count);
}

async function run({ coreFolder, scenario: name, strategy, work }: Order): Promise<void> {
  const scenario = scenarioNamed(name);
  const core = await loadCore(coreFolder);
  const machine = core.createMachine(configOf(scenario, strategy));
  const words = (machine.bytes + 2 * WASM_PAGE_BYTES) / Int32Array.BYTES_PER_ELEMENT;
  const control = controlFor(Math.ceil(words));
  const world = new Int32Array(new SharedArrayBuffer(4 * WORLD.words));
  const job: Job = { scenario: name, memory: machine.memory, control, world, work };
  const workers = await threadsFor(coreFolder, scenario.threads.length);
  const ready = workers.map((worker) => answerOf(worker, 'ready'));
  const told = workers.map((worker) => answerOf(worker, 'steps'));
  // Whoever fails first is heard, also while others are waited for.
  const failed = Promise.all([...ready, ...told]);
  failed.catch(() => {});
  const post = (worker: Worker, message: ToThread) => worker.postMessage(message);
  for (const worker of workers) post(worker, { kind: 'job', job });
  const [first] = await Promise.all(ready);
  const [driver] = workers;
  if (driver === undefined) throw new Error('a scenario without threads');
  const result = answerOf(driver, 'result');
  post(driver, { kind: 'go' });
  const watch = watchFor(control, first?.columns ?? []);
  try {
    const [answer, steps] = await Promise.race([
      Promise.all([result, Promise.all(told)]),
      watch.stuck,
    ]);
    finish(answer.result, first?.names ?? { memcgs: {}, caches: {} }, steps);
  } finally {
    watch.end();
  }

  function finish(
    found: JobResult,
    names: RowNames,
    all: readonly { readonly steps: readonly SeenStep[] }[],
  ): void {
    const merged = all.flatMap((one) => one.steps);
    say({ kind: 'answer', answer: { ...found, names, steps: merged, config: machine.config } });
  }
}

process.on('message', (message: ToSession) => {
  run(message.order).catch((error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say({ kind: 'failed', text });
  });
});
// A terminal's Ctrl-C reaches this process too; the parent decides when it ends.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
