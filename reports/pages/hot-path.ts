/** The section on allocation and free: what every strategy costs while no cgroup is being removed. */
import { strategiesOf } from '../compare-facts.ts';
import { formatNumber, formatRatio, MISSING } from '../format.ts';
import { hotPathBase, operationLabel, ratioToBase } from '../hot-path-words.ts';
import type { CompareRecord } from '../record.ts';
import type { HotPathResult } from '../results.ts';
import type { Cell, Section } from './page.ts';

/** Nanoseconds throughout, never microseconds: the rows are read against each other. */
function costCell(record: CompareRecord, entry: HotPathResult | undefined): Cell {
  if (entry === undefined) return { text: MISSING, tone: 'quiet' };
  const { p50, ci95 } = entry.nsPerOp;
  const time = `${formatNumber(p50)} ns`;
  const detail = `${formatNumber(ci95[0])}-${formatNumber(ci95[1])}`;
  const fact = ratioToBase(record, entry);
  if (fact === undefined) return { text: time, detail };
  const ratio = formatRatio(fact.ratio);
  if (fact.verdict === 'same') return { text: `${time} ${ratio}=`, detail };
  if (fact.verdict === 'cannot tell') return { text: `${time} ${ratio}?`, detail };
  return { text: `${time} ${ratio}`, detail, tone: fact.verdict === 'worse' ? 'bad' : 'good' };
}

/** Where an allocation starts. Records from before 0.2 do not say: from a known cache. */
function allocationWords({ parameters }: CompareRecord): string {
  return parameters.lookedUp === false
    ? 'for a task of a cgroup, looking up its cache or owner'
    : 'from a cache that is known, without looking it up';
}

/** Builds the section on the allocation path, or none when it was not measured. */
export function hotPathSection(record: CompareRecord): Section[] {
  const entries = record.results.hotPath;
  const base = hotPathBase(record);
  if (base === undefined) return [];
  const strategies = strategiesOf(record);
  const labels = [...new Set(entries.map(operationLabel))];
  return [
    {
      title: 'Every allocation and free',
      how: `median ns, ratio to ${base} (= same, ? cannot tell); ${allocationWords(record)}.`,
      table: {
        columns: strategies,
        rows: labels.map((label) => ({
          label,
          brief: true,
          cells: strategies.map((strategy) =>
            costCell(
              record,
              entries.find(
                (entry) => entry.strategy === strategy && operationLabel(entry) === label,
              ),
            ),
          ),
        })),
      },
    },
  ];
}
