/** How far colours of a page stand out from what lies behind them (WCAG 2.2, 1.4.3 and 1.4.11). */
import type { Page } from 'playwright-core';

/** A kind of element and its lowest contrast, 1 to 21. */
export interface Contrast {
  what: string;
  ratio: number;
}

/** A colour, and what lies behind it, as style sheets have them. */
interface Pair {
  what: string;
  color: string;
  behind: string;
}

function luminance(color: readonly number[]): number {
  const [r = 0, g = 0, b = 0] = color
    .map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function numbersOf(color: string): number[] {
  const [, inside = ''] = /^rgba?\((.*)\)$/.exec(color) ?? [];
  const numbers = inside.split(/[,\s/]+/).map(Number);
  if (numbers.length < 3 || numbers.some(Number.isNaN)) throw new Error(`no colour: ${color}`);
  return numbers.slice(0, 3);
}

function ratioOf({ color, behind }: Pair): number {
  const all = [color, behind].map((one) => luminance(numbersOf(one)));
  return (Math.max(...all) + 0.05) / (Math.min(...all) + 0.05);
}

/** The lowest of each kind. */
function lowest(pairs: readonly Pair[]): Contrast[] {
  const found = new Map<string, number>();
  for (const pair of pairs) {
    found.set(pair.what, Math.min(ratioOf(pair), found.get(pair.what) ?? 21));
  }
  return [...found].map(([what, ratio]) => ({ what, ratio }));
}

/** All text that is shown, letters in bars included; what cannot be pressed now is exempt. */
export async function textContrasts(page: Page): Promise<Contrast[]> {
  const pairs = await page.evaluate(() => {
    const behind = (element: Element | null): string => {
      if (element === null) return 'rgb(255, 255, 255)';
      const { backgroundColor } = getComputedStyle(element);
      return backgroundColor === 'rgba(0, 0, 0, 0)'
        ? behind(element.parentElement)
        : backgroundColor;
    };
    const found: { what: string; color: string; behind: string }[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { parentElement, textContent } = texts.currentNode;
      if (parentElement === null || textContent?.trim() === '') continue;
      if (parentElement.closest('script, style, noscript, svg, :disabled, .heard')) continue;
      const what = `${parentElement.tagName} ${parentElement.className}`;
      const color = getComputedStyle(parentElement).color;
      found.push({ what, color, behind: behind(parentElement) });
    }
    for (const text of document.querySelectorAll('.bar text')) {
      const rect = text.previousElementSibling ?? text;
      const { fill } = getComputedStyle(text);
      const what = `letter ${text.textContent}`;
      found.push({ what, color: fill, behind: getComputedStyle(rect).fill });
    }
    return found;
  });
  return lowest(pairs);
}

/** The colours that lines of charts may have, and the edges of controls. */
export async function lineContrasts(page: Page): Promise<Contrast[]> {
  const pairs = await page.evaluate(() => {
    const behind = getComputedStyle(document.body).backgroundColor;
    const names = Array.from({ length: 8 }, (_, slot) => `--line-${slot}`);
    const probe = document.createElement('p');
    document.body.append(probe);
    return [...names, '--edge', '--link'].map((what) => {
      probe.style.color = `var(${what})`;
      return { what, color: getComputedStyle(probe).color, behind };
    });
  });
  return lowest(pairs);
}
