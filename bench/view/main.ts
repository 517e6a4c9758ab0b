/**
 * Runs in a page: a small machine to play with, in every element that asks for one, and the schedules of
 * the page's records.
 */
import { mountMachine } from './machine.ts';
import { mountSchedules } from './schedules.ts';

function place(root: HTMLElement): HTMLElement {
  const made = document.createElement('div');
  made.className = 'machine';
  root.append(made);
  return made;
}

function mountAll(): void {
  for (const root of document.querySelectorAll<HTMLElement>('[data-machine]')) {
    mountMachine(place(root));
    mountSchedules(place(root));
  }
}

if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', mountAll);
else mountAll();
