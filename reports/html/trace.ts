/** Schedules as HTML: a column a CPU, a row a step; scripts in the page step through it. */
import { MISSING } from '../format.ts';
import type { Trace } from '../pages/page.ts';
import { cpuHeading, cpusOf, skippedText } from '../terminal/trace.ts';
import { pairsHtml, scrollBox } from './table.ts';
import { escaped } from './text.ts';

function stepRows(trace: Trace): string[] {
  const cpus = cpusOf(trace);
  const lanes = (cpu: number, html: string): string =>
    cpus.map((one) => (one === cpu ? `<td>${html}</td>` : '<td></td>')).join('');
  return trace.lines.flatMap(({ cpu, text, source, skipped, mark }, at) => [
    ...(mark === undefined
      ? []
      : [
          `<tr class="switch"><td></td><td colspan="${cpus.length + 1}">${escaped(mark)}</td></tr>`,
        ]),
    ...(skipped === 0
      ? []
      : [
          `<tr class="skipped"><td></td>${lanes(cpu, escaped(skippedText(skipped)))}<td class="source"></td></tr>`,
        ]),
    `<tr data-step="${at}"><th scope="row">${at + 1}</th>${lanes(cpu, escaped(text.trim() === '' ? MISSING : text))}<td class="source">${escaped(source)}</td></tr>`,
  ]);
}

function stepsHtml(name: string, trace: Trace): string {
  const cpus = cpusOf(trace);
  const heads = cpus.map((cpu) => `<th scope="col">${escaped(cpuHeading(trace, cpu))}</th>`);
  const table = `<table class="steps lanes-${Math.min(4, cpus.length)}"><thead><tr><th scope="col">step</th>${heads.join('')}<th scope="col">source</th></tr></thead><tbody>\n${stepRows(trace).join('\n')}\n</tbody></table>`;
  return `<div class="trace" data-trace>${scrollBox(`Steps: ${name}`, table)}</div>`;
}

/** The steps, then how things stood at the end. */
export function traceHtml(name: string, trace: Trace): string {
  const ends = trace.ends.map(({ name: what, state }) => [what, state] as const);
  return [
    trace.lines.length === 0 ? '' : stepsHtml(name, trace),
    ends.length === 0 ? '' : `<h4>At the end</h4>${pairsHtml(`At the end: ${name}`, ends)}`,
  ].join('');
}
