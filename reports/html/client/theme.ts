/** Dark or light: as the system has it until somebody chooses; on paper always light. */
import { button } from './dom.ts';

type Theme = 'dark' | 'light';

const root = document.documentElement;

/** Adds the button; `changed` is called whenever colours are others than before. */
export function mountTheme(host: Element, changed: () => void): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const now = (): Theme => {
    const chosen = root.dataset.theme;
    return chosen === 'dark' || chosen === 'light' ? chosen : system.matches ? 'dark' : 'light';
  };
  const toggle = button('', () => {
    root.dataset.theme = now() === 'dark' ? 'light' : 'dark';
    turn();
  });
  const show = (): void => {
    toggle.textContent = now() === 'dark' ? 'Light colours' : 'Dark colours';
  };
  const turn = (): void => {
    show();
    changed();
  };
  system.addEventListener('change', turn);
  host.append(toggle);
  show();
}
