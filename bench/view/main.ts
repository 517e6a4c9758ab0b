/** Runs in an HTML report: a small machine to play with. */
import { createMachine } from '../../core/index.ts';

document.documentElement.dataset.machine = typeof createMachine;
