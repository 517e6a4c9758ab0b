/** Runs in a page: a small machine to play with, in every element that asks for one. */
import { mountMachine } from './machine.ts';

function mountAll(): void {
  for (const root of document.querySelectorAll<HTMLElement>('[data-machine]')) {
    const place = document.createElement('div');
    place.className = 'machine';
    root.append(place);
    mountMachine(place);
  }
}

if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', mountAll);
else mountAll();
