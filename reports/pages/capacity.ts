/** The page of `capacity`: how many objects does a machine of this size hold, and how fast? */
import { formatBytes, formatCount, formatNs, formatNumber } from '../format.ts';
import type { CapacityRecord } from '../record.ts';
import { failedChecks } from '../words.ts';
import { environmentFacts } from './environment.ts';
import type { Note, Page, Section } from './page.ts';

function phasesSection({ results }: CapacityRecord): Section {
  return {
    title: 'Time of each phase',
    how: 'wall time of one run, and the same divided by the objects. One run has no interval.',
    table: {
      columns: ['time', 'per object'],
      rows: results.phases.map((phase) => ({
        label: phase.name,
        cells: [
          { text: formatNs(phase.ms * 1e6) },
          { text: `${formatNumber(phase.nsPerObject)} ns` },
        ],
      })),
    },
  };
}

function memorySection({ results }: CapacityRecord): Section {
  return {
    title: 'Memory',
    how: 'what the machine was created with, and what the process really holds of it.',
    table: {
      columns: ['bytes', 'per object'],
      rows: [
        ['machine', results.machineBytes] as const,
        ['process', results.rssBytes] as const,
      ].map(([label, bytes]) => ({
        label,
        cells: [
          { text: formatBytes(bytes) },
          { text: results.objects === 0 ? '-' : `${formatNumber(bytes / results.objects)} B` },
        ],
      })),
    },
  };
}

/** Builds the page of a capacity run. */
export function capacityPage(record: CapacityRecord): Page {
  const { results } = record;
  const sound: Note =
    results.violations === 0
      ? { text: 'The audit of the whole machine found no violation.', tone: 'good' }
      : { text: `The audit found ${formatCount(results.violations)} violations.`, tone: 'bad' };
  const cut: Note[] = record.complete
    ? []
    : [{ text: 'Cut short: not every phase ran.', tone: 'bad' }];
  return {
    title: `slabsplice ${record.version} capacity: how many objects fit?`,
    facts: environmentFacts(record),
    notes: [],
    warnings: record.environment.warnings,
    sections: [memorySection(record), phasesSection(record)],
    verdict: [
      ...cut,
      {
        text: `${formatCount(results.objects)} objects, ${formatCount(results.objectsPerSlab)} a slab in ${formatCount(results.slabs)} slabs, take ${formatNumber(results.bytesPerObject)} bytes each.`,
      },
      sound,
      ...failedChecks(record.checks),
    ],
  };
}
