/**
 * Scenarios out of a few letters, to try the explorer itself: `program:load x; store x+1 | add y 1`.
 * Threads are separated by `|`, steps by `;`. Words are x, y and z. A thread has one register, in which a
 * load, an add or a compare-exchange leaves what was there before.
 *
 *   load x        store x 5      store x+1 (register + 1)      add x 1      cas x 0 1      until x 1
 *
 * `until` waits for a value. What the words and registers hold in the end goes into the violation
 * `outcome`, so a search that does not stop at a find lists every outcome there is.
 */
import { UsageError } from '../errors.ts';
import { THREADS_MAX } from './control.ts';
import { COUNTER, type Part, type Scenario } from './world.ts';

/** Begins the name of such a scenario. */
export const PROGRAM = 'program:';

type Step = (part: Part, register: number) => number;

const NUMBER = /^-?\d{1,6}$/;

function wordOf(text: string): number {
  const index = 'xyz'.indexOf(text);
  if (text.length !== 1 || index < 0)
    throw new UsageError(`--scenario: no word '${text}'; x, y, z`);
  return COUNTER + index;
}

function numberOf(text: string | undefined): number {
  if (text !== undefined && NUMBER.test(text)) return Number(text);
  throw new UsageError(`--scenario: '${text ?? ''}' is not a number, in a step of a program`);
}

function storeOf(word: string, value: string | undefined): Step {
  const [name = '', more] = word.split('+');
  const at = wordOf(name);
  if (more !== undefined) {
    const added = numberOf(more);
    return ({ counter }, register) => {
      counter.store(register + added, at);
      return register;
    };
  }
  const stored = numberOf(value);
  return ({ counter }, register) => {
    counter.store(stored, at);
    return register;
  };
}

function stepOf(text: string): Step {
  const [verb, word = '', first, second] = text.trim().split(/\s+/);
  if (verb === 'store') return storeOf(word, first);
  const at = wordOf(word);
  if (verb === 'load') return ({ counter }) => counter.load(at);
  const value = numberOf(first);
  if (verb === 'add') return ({ counter }) => counter.add(value, at);
  if (verb === 'until') {
    return (part, register) => {
      while (part.counter.load(at) !== value) part.wait();
      return register;
    };
  }
  if (verb !== 'cas') throw new UsageError(`--scenario: no step '${verb}' in a program`);
  const next = numberOf(second);
  return ({ counter }) => counter.compareExchange(value, next, at);
}

/** The scenario of a program. @throws UsageError */
export function programScenario(name: string): Scenario {
  const bodies = name
    .slice(PROGRAM.length)
    .split('|')
    .map((thread) => thread.split(';').map(stepOf));
  if (bodies.length > THREADS_MAX) {
    throw new UsageError(
      `--scenario: a program of ${bodies.length} threads; give ${THREADS_MAX} at most`,
    );
  }
  return {
    name,
    summary: 'a program of a few steps',
    strategies: ['splice-caches'],
    threads: bodies.map((steps) => ({
      title: `${steps.length} steps`,
      body(part) {
        let register = 0;
        for (const step of steps) register = step(part, register);
        part.world[part.cpu.cpu] = register;
      },
    })),
    setup() {},
    check({ machine, world, cpus }, complain) {
      const words = [...machine.zone.head.subarray(COUNTER, COUNTER + 3)];
      const registers = [...world.subarray(0, cpus.length)];
      complain(`outcome ${[...words, ...registers].join(' ')}`, 'words, then registers');
    },
  };
}
