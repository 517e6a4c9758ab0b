/** Tables of a page as HTML; each scrolls in a box of its own where it is wider than the page. */
import { MISSING } from '../format.ts';
import type { Cell, HeatMap, Row, Setting, Table } from '../pages/page.ts';
import { classOf, escaped, prose, toneMark } from './text.ts';

/** Shades of a heat map, from the lowest fifth to the highest. */
const SHADES = 5;

/** A box that scrolls sideways, so that the page does not. */
export function scrollBox(name: string, table: string): string {
  return `<div class="scroll" role="region" aria-label="${escaped(name)}">${table}</div>`;
}

function cellHtml({ text, detail, tone }: Cell): string {
  const more = detail === undefined ? '' : ` <span class="detail">${escaped(detail)}</span>`;
  const heard = tone === 'bad' ? toneMark(tone) : '';
  return `<td${classOf(tone)}>${heard}${escaped(text)}${more}</td>`;
}

function rowHtml({ label, cells }: Row): string {
  return `<tr><th scope="row">${escaped(label)}</th>${cells.map(cellHtml).join('')}</tr>`;
}

function headHtml(columns: readonly string[]): string {
  const cells = columns.map((column) => `<th scope="col">${escaped(column)}</th>`).join('');
  return `<thead><tr><td></td>${cells}</tr></thead>`;
}

/** A table with a label column; figures to the right, so that digits stand below each other. */
export function tableHtml(name: string, { columns, rows, wrapLabels }: Table): string {
  const kind = wrapLabels ? 'figures phrases' : 'figures';
  const body = rows.map(rowHtml).join('\n');
  return scrollBox(
    name,
    `<table class="${kind}">${headHtml(columns)}<tbody>\n${body}\n</tbody></table>`,
  );
}

/** Two columns of words. */
export function pairsHtml(name: string, pairs: readonly (readonly [string, string])[]): string {
  const rows = pairs
    .map(
      ([key, value]) => `<tr><th scope="row">${escaped(key)}</th><td>${escaped(value)}</td></tr>`,
    )
    .join('\n');
  return scrollBox(name, `<table class="pairs"><tbody>\n${rows}\n</tbody></table>`);
}

function settingRows(settings: readonly Setting[]): string {
  return settings
    .map(
      ({ key, value, from }) =>
        `<tr><th scope="row">${escaped(key)}</th><td class="value">${escaped(value)}</td><td>${prose(from)}</td></tr>`,
    )
    .join('\n');
}

function settingTable(name: string, settings: readonly Setting[]): string {
  return scrollBox(
    name,
    `<table class="pairs"><thead><tr><td></td><th scope="col">value</th><th scope="col">from</th></tr></thead><tbody>\n${settingRows(settings)}\n</tbody></table>`,
  );
}

/** Values that were chosen; those that are as usual are folded. */
export function settingsHtml(name: string, settings: readonly Setting[]): string {
  const chosen = settings.filter(({ usual }) => !usual);
  const usual = settings.filter((one) => one.usual);
  return [
    chosen.length === 0 ? '' : settingTable(name, chosen),
    usual.length === 0
      ? ''
      : `<details><summary>${usual.length} that are as usual</summary>${settingTable(`${name}, as usual`, usual)}</details>`,
  ].join('');
}

/** The class of a figure on a scale from 0 to the highest. */
function shadeOf(value: number | null, highest: number): string {
  if (value === null) return 'none';
  const fifth = highest > 0 ? Math.ceil((value / highest) * SHADES) : 1;
  return `shade-${Math.min(SHADES, Math.max(1, fifth))}`;
}

function shadesHtml(format: HeatMap['format'], highest: number): string {
  if (highest <= 0) return '';
  const steps = Array.from({ length: SHADES }, (_, at) => {
    const upTo = format((highest * (at + 1)) / SHADES);
    return `<li class="shade-${at + 1}">to ${escaped(upTo)}</li>`;
  });
  return `<ul class="shades" aria-label="Shades">${steps.join('')}</ul>`;
}

/** A table a map: the figures, and shades behind them to one scale. */
export function heatMapHtml(name: string, { across, down, maps, format }: HeatMap): string {
  const figures = maps.flatMap(({ values }) => values.flat()).filter((one) => one !== null);
  const highest = figures.reduce((most, one) => Math.max(most, one), 0);
  const tables = maps.map(({ title, values }) => {
    const rows = down.values.map((label, row) => {
      const cells = across.values.map((_, column) => {
        const value = values[row]?.[column] ?? null;
        const text = value === null ? MISSING : format(value);
        return `<td class="${shadeOf(value, highest)}">${escaped(text)}</td>`;
      });
      return `<tr><th scope="row">${escaped(String(label))}</th>${cells.join('')}</tr>`;
    });
    const heads = across.values.map((value) => `<th scope="col">${escaped(String(value))}</th>`);
    const corner = `<td class="corner">${escaped(down.title)} ↓ ${escaped(across.title)} →</td>`;
    const table = `<table class="figures map"><caption>${escaped(title)}</caption><thead><tr>${corner}${heads.join('')}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`;
    return scrollBox(`${name}: ${title}`, table);
  });
  return `${tables.join('\n')}${shadesHtml(format, highest)}`;
}
