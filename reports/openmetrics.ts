/**
 * A host as metrics, for node_exporter's textfile collector: Prometheus' text format, which OpenMetrics
 * readers take too. What is unknown has no sample: a 0 would be a lie.
 */
import type { HostResults } from './results-host.ts';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | null];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Label values may hold anything but a bare quote, backslash or line break. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
}

function metricLines({ name, help, samples }: Metric): string[] {
  const known = samples.filter((sample): sample is [Labels, number] => sample[1] !== null);
  if (known.length === 0) return [];
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...known.map(([labels, value]) => sampleLine(name, labels, value)),
  ];
}

function hierarchyMetrics({ hierarchies }: HostResults): Metric[] {
  const of = (key: 'live' | 'liveEmpty' | 'dying' | 'settled'): Sample[] =>
    hierarchies.map((one) => [{ version: String(one.version), mount: one.mount }, one[key]]);
  return [
    { name: 'slabsplice_memcg_live', help: 'Live memory cgroups.', samples: of('live') },
    {
      name: 'slabsplice_memcg_live_empty',
      help: 'Live memory cgroups without children and tasks.',
      samples: of('liveEmpty'),
    },
    { name: 'slabsplice_memcg_dying', help: 'Dying memory cgroups.', samples: of('dying') },
    {
      name: 'slabsplice_memcg_dying_settled',
      help: 'At most so many have been dying for 5 s or longer.',
      samples: of('settled'),
    },
  ];
}

function memoryMetrics({ pinned, cost }: HostResults): Metric[] {
  return [
    {
      name: 'slabsplice_memcg_dying_pages_bytes',
      help: 'Pages that dying memory cgroups hold.',
      samples:
        pinned === null
          ? []
          : (['file', 'shmem', 'anon'] as const).map((kind): Sample => [{ kind }, pinned[kind]]),
    },
    {
      name: 'slabsplice_memcg_cost_bytes',
      help: 'Structures of one memory cgroup, at least.',
      samples: [[{}, cost?.bytesPerCgroup ?? null]],
    },
    {
      name: 'slabsplice_memcg_dying_cost_bytes',
      help: 'Structures of all dying memory cgroups, at least.',
      samples: [[{}, cost?.dyingBytes ?? null]],
    },
  ];
}

/** Renders the results of `host`; ends with a newline. */
export function renderOpenMetrics(results: HostResults): string {
  const { growth, observer, triage, unknown } = results;
  const measured = growth !== null && growth.from !== 'since boot' ? growth : null;
  const metrics: Metric[] = [
    ...hierarchyMetrics(results),
    ...memoryMetrics(results),
    {
      name: 'slabsplice_memcg_growth_per_day',
      help: 'Change a day between two readings.',
      samples: [
        [{ state: 'live' }, measured?.livePerDay ?? null],
        [{ state: 'dying' }, measured?.dyingPerDay ?? null],
      ],
    },
    {
      name: 'slabsplice_host_trouble',
      help: '1 where the host has this form of trouble, 0 where not; none where it cannot be told.',
      samples: triage.map(({ form, verdict }): Sample => {
        const known = verdict === 'yes' || verdict === 'no';
        return [{ form }, known ? Number(verdict === 'yes') : null];
      }),
    },
    {
      name: 'slabsplice_host_unknown',
      help: 'Things that could not be told.',
      samples: [[{}, unknown.length]],
    },
    {
      name: 'slabsplice_host_read_seconds',
      help: 'What reading the host took.',
      samples: [[{}, observer.readMs / 1000]],
    },
    {
      name: 'slabsplice_host_cpu_seconds',
      help: 'CPU time of the whole command so far.',
      samples: [[{}, observer.cpuMs / 1000]],
    },
  ];
  return `${[...metrics.flatMap(metricLines), '# EOF'].join('\n')}\n`;
}
