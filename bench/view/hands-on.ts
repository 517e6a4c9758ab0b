/** The form with which one works on the machine oneself. */
import { type Act, CACHE_NAMES, OBJECTS_PER_SLAB, type Stage } from '../picture/stage.ts';
import { button, element, select } from './dom.ts';

/** What the form works on. */
export interface Bench {
  stage(): Stage;
  perform(act: Act): void;
  restart(withScenario: boolean): void;
}

const WHICH = [
  ['random', 'a random object'],
  ['newest', 'its newest object'],
  ['unshared', 'all that nobody else uses'],
  ['all', 'all objects'],
] as const;

/** Serials to be freed. */
function chosen(stage: Stage, memcg: string, which: string): number[] {
  const objects = stage.objects().filter((one) => memcg === '' || one.memcg === memcg);
  if (which === 'all') return objects.map(({ serial }) => serial);
  const unshared = objects.filter(({ shared }) => !shared);
  if (which === 'unshared') return unshared.map(({ serial }) => serial);
  const one =
    which === 'newest' ? objects.at(-1) : objects[Math.floor(Math.random() * objects.length)];
  return one === undefined ? [] : [one.serial];
}

function fill(list: HTMLSelectElement, names: readonly string[]): void {
  const { value } = list;
  list.replaceChildren(...names.map((name) => element('option', { value: name }, name)));
  if (names.includes(value)) list.value = value;
}

function row(...parts: (Node | string)[]): HTMLElement {
  return element('div', { class: 'm-do' }, ...parts);
}

/** Makes the form. */
export function handsOn(bench: Bench) {
  const into = select('cgroup to allocate in', []);
  const cache = select(
    'type of object',
    CACHE_NAMES.map((name) => [name, name] as const),
  );
  const pages = element('input', {
    ...{ type: 'number', min: '1', max: '24', value: '2', 'aria-label': 'pages to allocate' },
  });
  const whose = select('cgroup whose objects are freed', []);
  const which = select('objects to free', WHICH);
  const below = select('parent of the new cgroup', []);
  const gone = select('cgroup to remove', []);
  let made = 0;

  const allocate = button('Allocate', 'allocate', () => {
    const objects = Math.max(1, Math.min(24, Number(pages.value) || 1)) * OBJECTS_PER_SLAB;
    bench.perform({ do: 'allocate', memcg: into.value, cache: cache.value, objects });
  });
  const free = button('Free', 'free', () => {
    const objects = chosen(bench.stage(), whose.value, which.value);
    if (objects.length > 0) bench.perform({ do: 'free', objects });
  });
  const create = button('Create', 'create a cgroup', () => {
    const { memcgs } = bench.stage().look();
    do made++;
    while (memcgs.some(({ name }) => name === `group-${made}`));
    bench.perform({ do: 'create', memcg: `group-${made}`, parent: below.value });
  });
  const remove = button('Remove', 'remove a cgroup', () => {
    bench.perform({ do: 'remove', memcg: gone.value });
  });

  return {
    element: element(
      'details',
      { class: 'm-hands' },
      element('summary', {}, 'Work on the machine yourself'),
      row(allocate, pages, ' pages of ', cache, ' in ', into),
      row(free, which, ' of ', whose),
      row(create, ' a cgroup below ', below),
      row(remove, gone),
      row(
        button('Start from an empty machine', 'start from an empty machine', () =>
          bench.restart(false),
        ),
        button('Start the story again', 'start the story again', () => bench.restart(true)),
      ),
      element(
        'p',
        { class: 'm-note' },
        'What you do comes after the step that is shown; later steps are dropped. A click on an object at the last step frees it. Every design does the same, so the cards above compare your own removal.',
      ),
    ),
    /** Offers what there is now. */
    refresh(): void {
      const stage = bench.stage();
      const { memcgs } = stage.look();
      const online = memcgs.filter(({ state }) => state === 'online').map(({ name }) => name);
      const below1 = online.filter((name) => name !== 'root');
      fill(into, below1);
      fill(below, online);
      const leaf = memcgs.filter(
        ({ row: own, state }) =>
          own !== 1 && state === 'online' && !memcgs.some(({ parent }) => parent === own),
      );
      fill(
        gone,
        leaf.map(({ name }) => name),
      );
      fill(whose, [...new Set(stage.objects().map(({ memcg }) => memcg))]);
      allocate.disabled = below1.length === 0;
      remove.disabled = leaf.length === 0;
      free.disabled = stage.objects().length === 0;
    },
  };
}
