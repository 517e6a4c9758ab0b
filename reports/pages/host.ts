/** The page of `host`: what a live machine holds, what that costs, and what stays unknown. */
import { formatBytes, formatCount, formatCounted, formatNumber, MISSING } from '../format.ts';
import { GROWTH, hostWords, isPartOfAll, remedyWords, slabHolds } from '../host-words.ts';
import type { HostRecord } from '../record.ts';
import type { HostForm, HostResults } from '../results-host.ts';
import { failedChecks } from '../words.ts';
import { environmentFacts } from './environment.ts';
import { courseSection, simulatedSection } from './host-course.ts';
import type { Cell, Note, Page, Row, Section } from './page.ts';

/** Subtrees and caches on the page; the record has more. */
const ROWS = 8;
/** The word for null: never 0. */
const UNKNOWN: Cell = { text: 'unknown', tone: 'warn' };

function counted(value: number | null): Cell {
  return value === null ? UNKNOWN : { text: formatCount(value) };
}

function bytes(value: number | null): Cell {
  return value === null ? UNKNOWN : { text: formatBytes(value) };
}

const TONES: Record<HostForm['verdict'], Note['tone']> = {
  yes: 'bad',
  likely: 'warn',
  no: 'good',
  'cannot tell': 'warn',
  'not looked at': 'quiet',
};

function triageSection({ triage }: HostResults): Section {
  const notes = triage.map(({ form, verdict, because, evidence }): Note => {
    const tone = TONES[verdict];
    const text = `${form}: ${verdict}; ${because} (${evidence})`;
    return tone === undefined ? { text } : { text, tone };
  });
  return {
    title: 'Which trouble is it',
    how: 'forms that are taken for one another, with the numbers that decided, and what it takes to know them: anyone, root, bpf or trace.',
    notes,
  };
}

function hierarchySection({ hierarchies, generation, kernel }: HostResults): Section {
  const rows = hierarchies.map(
    ({ version, mount, memory, whole, live, liveEmpty, dying, settled, evidence }): Row => ({
      label: `version ${version}, ${mount}${whole ? '' : ' (part)'}`,
      cells: memory
        ? [counted(live), counted(liveEmpty), counted(dying), counted(settled), { text: evidence }]
        : [
            { text: 'no memory' },
            ...Array.from({ length: 4 }, (): Cell => ({ text: MISSING, tone: 'quiet' })),
          ],
    }),
  );
  const pins = generation.pinnedBy.join(', ');
  return {
    title: 'Cgroups',
    how: 'folders, those of them without children and tasks, dying ones now, and the most that can have been dying for 5 s.',
    table: { columns: ['live', 'empty', 'dying', '5 s', 'evidence'], rows, wrapLabels: true },
    notes: [
      {
        text: `Kernel ${kernel ?? 'unknown'}: ${generation.name} (${generation.from}).${pins === '' ? '' : ` A removed cgroup may be held by ${pins}.`}`,
      },
    ],
  };
}

/** When it was read what is not read with every reading. */
function whenRead({ readings, lookedAt }: HostResults): string {
  if (readings.length < 2) return '';
  return lookedAt
    ? ` As of ${formatNumber(lookedAt)} s after the first reading.`
    : ' As of the first reading.';
}

function pinSection(results: HostResults): Section[] {
  const { pins, pinned } = results;
  if (pins.length === 0) return [];
  const rows = pins.slice(0, ROWS).map(
    (pin): Row => ({
      label: pin.cgroup,
      cells: [
        counted(pin.dying),
        bytes(pin.file),
        bytes(pin.shmem),
        bytes(pin.anon),
        { text: pin.evidence },
      ],
    }),
  );
  const all: Row[] =
    pinned === null
      ? []
      : [
          {
            label: 'all that is told',
            cells: [
              { text: '' },
              bytes(pinned.file),
              bytes(pinned.shmem),
              bytes(pinned.anon),
              { text: '' },
            ],
          },
        ];
  const source = pins[0]?.source ?? '';
  return [
    {
      title: 'What dying cgroups hold',
      how: `by the live cgroup that they were in: what it has that is neither its own nor a live child's (${source}).${whenRead(results)}`,
      table: {
        columns: ['dying', 'files', 'tmpfs', 'anonymous', 'evidence'],
        rows: [...rows, ...all],
        wrapLabels: true,
      },
    },
  ];
}

function inheritedSection(results: HostResults): Section[] {
  const { inherited } = results;
  if (inherited.length === 0) return [];
  // Since 5.9 the structures of a cgroup are charged to its parent.
  const structures = results.generation.name.startsWith('obj_cgroup')
    ? '; the structures of the cgroups below them are part of it'
    : '';
  const rows = inherited
    .slice(0, ROWS)
    .map((one): Row => ({ label: one.cgroup, cells: [bytes(one.bytes), { text: one.evidence }] }));
  return [
    {
      title: slabHolds(results) ? 'Kernel memory of dying cgroups' : 'Kernel memory inherited',
      how: `of cgroups without tasks, beside their live children's${structures} (${inherited[0]?.source}).`,
      table: { columns: ['bytes', 'evidence'], rows, wrapLabels: true },
    },
  ];
}

function costSection({ cost }: HostResults): Section[] {
  if (cost === null) return [];
  const rows = cost.structures.map(
    (one): Row => ({
      label: `struct ${one.name}`,
      cells: [
        { text: formatBytes(one.bytes) },
        { text: `${formatCount(one.times)} (per ${one.per})` },
        { text: formatBytes(one.bytes * one.times) },
      ],
    }),
  );
  const total: Row = {
    label: 'a memory cgroup, at least',
    cells: [{ text: '' }, { text: '' }, { text: formatBytes(cost.bytesPerCgroup) }],
  };
  return [
    {
      title: 'What one costs',
      how: `besides its pages, live or dying; allocators round up (${cost.source}; ${cost.evidence}).`,
      table: { columns: ['size', 'times', 'bytes'], rows: [...rows, total], wrapLabels: true },
    },
  ];
}

/** A time in words: `90 s`, `6.2 hours`, `10 days`. */
function span(seconds: number): string {
  if (seconds < 7200) return `${formatNumber(seconds)} s`;
  return seconds < 172_800
    ? `${formatNumber(seconds / 3600)} hours`
    : `${formatNumber(seconds / 86_400)} days`;
}

/** Growth that is too little to tell anything has no days, but is no standstill. */
function daysLeft(perDay: number, days: number | null): Cell {
  if (days !== null) return { text: formatNumber(days) };
  return perDay > 0
    ? { text: 'too little to tell', tone: 'quiet' }
    : { text: 'does not grow', tone: 'good' };
}

function limitSection({ limits, growth }: HostResults): Section[] {
  if (limits.length === 0 || growth === null) return [];
  const rows = limits.map(
    ({ what, unit, now, most, perDay, days }): Row => ({
      label: what,
      cells: [
        ...[now, most, perDay].map(
          (value): Cell => ({ text: unit === 'bytes' ? formatBytes(value) : formatCount(value) }),
        ),
        daysLeft(perDay, days),
      ],
    }),
  );
  const low =
    growth.from === 'since boot'
      ? '; less than the true rate if some were released in between'
      : '';
  return [
    {
      title: 'How long it lasts',
      how: `at the growth ${GROWTH[growth.from]}, ${span(growth.seconds)}${low}. Memory: what is available now (anyone).`,
      table: { columns: ['now', 'most', 'a day', 'days left'], rows, wrapLabels: true },
    },
  ];
}

function slabSection({ slab, memory }: HostResults): Section[] {
  if (slab === null) return [];
  const rows = slab.slice(0, ROWS).map(
    (one): Row => ({
      label: one.cache,
      cells: [
        { text: formatBytes(one.bytes) },
        { text: formatCount(one.activeObjects) },
        { text: formatCount(one.objects) },
      ],
    }),
  );
  const total = memory.Slab === undefined ? '' : ` of ${formatBytes(memory.Slab)}`;
  return [
    {
      title: 'Slab',
      how: `the largest caches${total}, of the whole host: nothing tells whose objects these are. Active is an upper bound (/proc/slabinfo, root).`,
      table: { columns: ['bytes', 'active', 'objects'], rows, wrapLabels: true },
    },
  ];
}

function remedySection(results: HostResults): Section[] {
  const remedies = remedyWords(results);
  if (remedies.length === 0) return [];
  return [
    {
      title: 'What could be released, and how',
      how: `never done by this tool; amounts are the most that it can be${isPartOfAll(results) ? ', of the cgroups whose parent tells what they hold' : ''}.`,
      entries: remedies.map(({ what, releases, keeps }) => ({
        title: what,
        parts: [
          { name: 'releases', text: releases },
          { name: 'keeps', text: keeps },
        ],
      })),
    },
  ];
}

function levelSections({ listed, traced }: HostResults): Section[] {
  const list: Section[] =
    listed === null
      ? []
      : [
          {
            title: 'Dying cgroups, listed',
            how: `${formatCount(listed.length)}, those with most pages first: the inode numbers that their folders had, as the names are gone, and the pages on their LRU lists (bench/bpf/dying.bt, bpf).`,
            table: {
              columns: ['file pages', 'anonymous and tmpfs pages'],
              rows: listed.slice(0, ROWS).map(({ inode, filePages, swapBackedPages }) => ({
                label: `inode ${inode}`,
                cells: [{ text: formatCount(filePages) }, { text: formatCount(swapBackedPages) }],
              })),
            },
          },
        ];
  const times = [...(traced?.releaseMs ?? [])].sort((a, b) => a - b);
  const middle = times[Math.floor((times.length - 1) / 2)];
  const trace: Section[] =
    traced === null
      ? []
      : [
          {
            title: 'While it was traced',
            how: `${formatNumber(traced.seconds)} s, an instance of its own (trace).`,
            notes: [
              {
                text: `${formatCounted(traced.made, 'cgroup')} made, ${formatCount(traced.removed)} removed, ${formatCount(traced.released)} released${middle === undefined ? '' : `; a median of ${formatNumber(middle)} ms from removal to release`}.`,
              },
            ],
          },
        ];
  return [...list, ...trace];
}

function unknownSection({ unknown, observer }: HostResults): Section {
  const missing = observer.missing === 0 ? '' : ` Not there: ${formatCount(observer.missing)}.`;
  const { watchShare } = observer;
  const watch =
    watchShare === undefined
      ? ''
      : ` While it was watched, reading took ${formatNumber(watchShare * 100)} % of the time.`;
  return {
    title: 'Unknown',
    how: `what could not be read, and why. Read: ${formatCounted(observer.files, 'file')} and ${formatCounted(observer.folders, 'folder')}, ${formatBytes(observer.bytes)}, in ${formatNumber(observer.readMs)} ms of ${formatNumber(observer.totalMs)} ms, with ${formatNumber(observer.cpuMs)} ms of CPU time.${watch}${missing}`,
    notes: unknown.map(({ what, why }): Note => ({ text: `${what}: ${why}`, tone: 'warn' })),
  };
}

/** Builds the page of a host. */
export function hostPage(record: HostRecord): Page {
  const { results } = record;
  const cut: Note[] = record.complete
    ? []
    : [{ text: 'Cut short: not everything was looked at.', tone: 'bad' }];
  return {
    title: `slabsplice ${record.version} host: what does this machine hold?`,
    facts: [
      `Host at ${results.root}, kernel ${results.kernel ?? 'unknown'}${results.uptimeSeconds === null ? '' : `, up ${formatNumber(results.uptimeSeconds / 86_400)} days`}`,
      ...environmentFacts(record),
    ],
    factsTitle: 'Read on',
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      triageSection(results),
      hierarchySection(results),
      ...pinSection(results),
      ...inheritedSection(results),
      ...costSection(results),
      ...courseSection(results),
      ...limitSection(results),
      ...slabSection(results),
      ...levelSections(results),
      ...remedySection(results),
      ...simulatedSection(results),
      unknownSection(results),
    ],
    verdict: [...cut, ...hostWords(results), ...failedChecks(record.checks)],
  };
}
