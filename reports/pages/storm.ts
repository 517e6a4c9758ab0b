/** The page of `storm`: throughput, latency, stalls and correctness while CPUs allocate and free. */
import { formatCount, formatNs } from '../format.ts';
import type { StormRecord } from '../record.ts';
import { failedChecks } from '../words.ts';
import { environmentFacts } from './environment.ts';
import type { Page } from './page.ts';

/** Builds the page of a storm. */
export function stormPage(record: StormRecord): Page {
  const { results } = record;
  return {
    title: `slabsplice ${record.version} storm: what does removal do to everybody else?`,
    facts: environmentFacts(record),
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      {
        title: 'Throughput',
        how: 'allocations and frees per second, all CPUs, while cgroups come and go.',
        table: {
          columns: ['operations/s', 'offline'],
          rows: results.storm.map((entry) => ({
            label: entry.strategy,
            cells: [
              { text: formatCount(Math.round(entry.opsPerSecond)) },
              { text: entry.offlineNs === null ? '-' : formatNs(entry.offlineNs.p50) },
            ],
          })),
        },
      },
    ],
    verdict: failedChecks(record.checks),
  };
}
