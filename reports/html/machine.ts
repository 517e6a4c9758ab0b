/** A small machine to play with, in a page of its own or at the end of a report. */
import type { ResultRecord } from '../record.ts';
import { documentHtml, type PageAssets, recordBlock } from './document.ts';

/** Where the script puts the machine, and the schedules of the page's records. */
export function machineSection(heading: string): string {
  return `<section id="machine" data-machine aria-labelledby="machine-title">${heading}<noscript>This is a machine to play with, and needs scripts.</noscript></section>`;
}

/**
 * Renders the machine alone.
 * @param records those of `explore` bring the schedules that they found
 */
export function renderMachine(
  records: readonly ResultRecord[],
  { style, machine }: Required<PageAssets>,
): string {
  const heading = '<h1 id="machine-title">What does removing a cgroup leave behind?</h1>';
  return documentHtml({
    title: 'slabsplice: the idea, on a small machine',
    styles: [style, machine.style],
    scripts: [machine.script],
    body: [
      `<main class="alone">${machineSection(heading)}</main>`,
      ...records.map((record, at) => recordBlock(record, `r${at}`)),
    ],
  });
}
