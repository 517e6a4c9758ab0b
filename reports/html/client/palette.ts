/**
 * How lines look: the same strategy has the same colour, dash and marker in all charts of a document.
 * Each slot differs from the others in all three, so nothing is said by colour alone.
 */
import type { Chart, Page, Series } from '../../pages/page.ts';
import { svg } from './dom.ts';

/** Looks of one line; the colour is a custom property of the style sheet, `--line-N`. */
export interface Look {
  slot: number;
  dash: number[];
  shape: Shape;
}

/** Corners of a marker, within a circle of radius 1; empty for that circle. */
export type Shape = readonly (readonly [x: number, y: number])[];

/** The mark of points that are drawn hollow. */
export const HOLLOW = '○';
/** Colours that the style sheet has. */
const SLOTS = 8;
/** The shape of points that stand alone: no line has it. */
export const CIRCLE: Shape = [];
const SHAPES: readonly Shape[] = [
  ...[
    [
      [-0.85, -0.85],
      [0.85, -0.85],
      [0.85, 0.85],
      [-0.85, 0.85],
    ] as const,
  ],
  ...[
    [
      [0, -1.1],
      [1, 0.75],
      [-1, 0.75],
    ] as const,
  ],
  ...[
    [
      [0, -1.2],
      [1, 0],
      [0, 1.2],
      [-1, 0],
    ] as const,
  ],
  ...[
    [
      [0, 1.1],
      [1, -0.75],
      [-1, -0.75],
    ] as const,
  ],
  ...[
    [
      [-1, -1],
      [0, -0.4],
      [1, -1],
      [0.4, 0],
      [1, 1],
      [0, 0.4],
      [-1, 1],
      [-0.4, 0],
    ] as const,
  ],
  ...[
    [
      [0, -1.1],
      [1.1, -0.3],
      [0.7, 1],
      [-0.7, 1],
      [-1.1, -0.3],
    ] as const,
  ],
  ...[
    [
      [1.1, 0],
      [-0.75, 1],
      [-0.75, -1],
    ] as const,
  ],
  ...[
    [
      [-1.1, 0],
      [-0.5, -1],
      [0.5, -1],
      [1.1, 0],
      [0.5, 1],
      [-0.5, 1],
    ] as const,
  ],
];
const DASHES = [[], [9, 4], [2, 3], [10, 3, 2, 3], [5, 3], [15, 4], [2, 7], [6, 2, 2, 2, 2, 2]];

/** A line that stands for several strategies looks like the first of them. */
function keyOf({ name }: Series): string {
  return name.split(/, | and /, 1)[0] ?? name;
}

/**
 * Gives each name a slot.
 * @param strategies come first, so that those of the same run look the same in every document
 * @param pages others come in the order in which these have them
 */
export function looksFor(
  strategies: readonly string[],
  pages: readonly Page[],
): (chart: Chart, at: number) => Look {
  const slots = new Map<string, number>();
  const slotOf = (key: string): number => {
    const known = slots.get(key) ?? slots.size;
    slots.set(key, known);
    return known;
  };
  for (const name of strategies) slotOf(name);
  const charts = pages.flatMap(({ sections }) => sections.flatMap(({ chart }) => chart ?? []));
  for (const { series } of charts) {
    for (const one of series) if (one.mark === undefined) slotOf(keyOf(one));
  }
  return ({ series }, at) => {
    const one = series[at];
    // Points that stand alone have the colour of the line that they are held against.
    const own = series.find(
      ({ mark, color }, place) => mark === undefined && (color ?? place) === one?.color,
    );
    const slot = one === undefined ? 0 : slotOf(keyOf(one.mark === undefined ? one : (own ?? one)));
    const look = slot % SLOTS;
    return { slot: look, dash: DASHES[look] ?? [], shape: SHAPES[look] ?? CIRCLE };
  };
}

const colors = new Map<string, string>();

/** Says that custom properties may stand for other colours now. */
export function forgetColors(): void {
  colors.clear();
}

/** The colour that a custom property stands for: a canvas knows nothing of style sheets. */
export function colorOf(property: string): string {
  const known = colors.get(property) ?? lookUp(property);
  colors.set(property, known);
  return known;
}

function lookUp(property: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** A piece of the line with its marker, or the marker alone. */
export function swatch({ slot, dash, shape }: Look, mark: string | undefined): Node {
  const corners = shape.map(([x, y]) => `${15 + 4 * x},${7 + 4 * y}`).join(' ');
  const marker =
    mark !== undefined
      ? svg('circle', { cx: 15, cy: 7, r: 4 })
      : svg('polygon', { points: corners });
  if (mark === HOLLOW) marker.setAttribute('class', 'hollow');
  const line = svg('line', { x1: 0, y1: 7, x2: 30, y2: 7, 'stroke-dasharray': dash.join(' ') });
  return svg(
    'svg',
    { class: `swatch line-${slot}`, width: 30, height: 14, 'aria-hidden': 'true' },
    ...(mark === undefined ? [line, marker] : [marker]),
  );
}
