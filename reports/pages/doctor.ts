/** The page of `doctor`: what on this machine will spoil a measurement, and what to do about it. */
import { formatCount } from '../format.ts';
import type { DoctorRecord } from '../record.ts';
import type { Finding } from '../results.ts';
import { failedChecks } from '../words.ts';
import { environmentFacts } from './environment.ts';
import type { Note, Page, Section } from './page.ts';

const TITLES: Record<Finding['severity'], [title: string, how: string]> = {
  warning: ['Will spoil measurements', 'put these right first, or expect "cannot tell".'],
  note: ['Worth knowing', 'these change figures, but every strategy alike.'],
  ok: ['In order', 'looked at, nothing to do.'],
};

const TONES: Record<Finding['severity'], Note['tone']> = {
  warning: 'warn',
  note: undefined,
  ok: 'good',
};

function findingNote({ severity, what, advice }: Finding): Note {
  const tone = TONES[severity];
  const text = advice === '' ? what : `${what}. ${advice}`.replace('.. ', '. ');
  return tone === undefined ? { text } : { text, tone };
}

function sectionOf(findings: readonly Finding[], severity: Finding['severity']): Section[] {
  const own = findings.filter((finding) => finding.severity === severity);
  if (own.length === 0) return [];
  const [title, how] = TITLES[severity];
  return [{ title, how, notes: own.map(findingNote) }];
}

/** Builds the page of a machine check. */
export function doctorPage(record: DoctorRecord): Page {
  const { findings } = record.results;
  const warnings = findings.filter((finding) => finding.severity === 'warning').length;
  const verdict: Note =
    warnings === 0
      ? { text: 'Nothing found that would spoil a measurement.', tone: 'good' }
      : {
          text: `${formatCount(warnings)} thing${warnings === 1 ? '' : 's'} will spoil measurements on this machine.`,
          tone: 'warn',
        };
  const cut: Note[] = record.complete
    ? []
    : [{ text: 'Cut short: not everything was looked at.', tone: 'bad' }];
  return {
    title: `slabsplice ${record.version} doctor: what will spoil a measurement here?`,
    facts: environmentFacts(record),
    notes: [],
    // The findings say the same with advice; twice would read as twice as many.
    warnings: [],
    sections: (['warning', 'note', 'ok'] as const).flatMap((severity) =>
      sectionOf(findings, severity),
    ),
    verdict: [...cut, verdict, ...failedChecks(record.checks)],
  };
}
