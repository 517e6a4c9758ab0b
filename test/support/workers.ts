/** Runs one scenario on several threads at once, a CPU each, over memory that they share. */
import { Worker } from 'node:worker_threads';
import type { MachineMemory } from '../../core/index.ts';

/** Words that a scenario may use as it likes, beside the machine. */
export type Data = Int32Array<SharedArrayBuffer>;

/** What a worker gets. */
export interface Task {
  readonly memory: MachineMemory;
  readonly data: Data;
  readonly cpu: number;
  readonly cpus: number;
  readonly scenario: string;
  readonly rounds: number;
}

/** Zeroed words in shared memory. */
export function sharedWords(count: number): Data {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

/** Runs the scenario on `cpus` threads; what each of them returned. @throws what the first one threw */
export async function runWorkers(
  task: Omit<Task, 'cpu' | 'memory'> & { machine: { memory: MachineMemory } },
): Promise<unknown[]> {
  const { machine, ...rest } = task;
  const url = new URL('./primitive-worker.js', import.meta.url);
  const workers = Array.from({ length: task.cpus }, (_, cpu) => {
    const workerData: Task = { ...rest, memory: machine.memory, cpu };
    return new Worker(url, { workerData });
  });
  try {
    return await Promise.all(
      workers.map(
        (worker) =>
          new Promise((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
            worker.once('exit', (code) => reject(new Error(`a worker left with code ${code}`)));
          }),
      ),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
