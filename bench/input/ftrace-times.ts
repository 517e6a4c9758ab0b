// hot path
/** Time stamps of a trace: which clock they are of, and whether they go on. */
import { ANOMALY } from './ftrace-anomalies.ts';
import type { TraceEvent } from './ftrace-events.ts';
import type { TraceClock } from './ftrace-summary.ts';

/** Microseconds above which seconds count from 1970 (they do from 2001 on), as those of tai. */
const EPOCH_US = 1e9 * 1e6;
/** CPUs that a head can name. */
const CPUS = 10_000;
const CLOCKS: readonly TraceClock[] = ['none', 'seconds', 'epoch', 'count', 'relative'];

/** Follows the time stamps of one input. */
export class TraceTimes {
  first = Number.NaN;
  last = Number.NaN;
  private readonly anomaly: (kind: string) => void;
  private ofCpu = new Float64Array(8);
  /** Place in CLOCKS. */
  private clock = 0;
  private mixed = false;
  private begins = false;

  constructor(anomaly: (kind: string) => void) {
    this.anomaly = anomaly;
  }

  /** What comes next is of another file, which must not be earlier. */
  startFile(): void {
    this.begins = !Number.isNaN(this.last);
  }

  /** Looks at the time of an event with so many digits of fraction, as LineHead has them. */
  check({ time, cpu }: TraceEvent, digits: number): void {
    const seconds = time > EPOCH_US ? 2 : 1;
    const clock = digits > 0 ? seconds : digits === 0 ? 3 : 4;
    if (clock !== this.clock) this.newClock(clock);
    if (this.begins) this.checkOrder(time);
    if (Number.isNaN(this.first)) this.first = time;
    this.last = time;
    if (cpu >= this.ofCpu.length) this.grow(cpu);
    const { ofCpu } = this;
    const before = ofCpu[cpu] as number;
    ofCpu[cpu] = time;
    if (time < before) this.anomaly(ANOMALY.backwards);
  }

  private newClock(clock: number): void {
    const before = this.clock;
    this.clock = clock;
    if (before === 0) return;
    this.mixed = true;
    this.anomaly(ANOMALY.clock);
  }

  private checkOrder(time: number): void {
    this.begins = false;
    if (time < this.last) this.anomaly(ANOMALY.order);
  }

  private grow(cpu: number): void {
    const larger = new Float64Array(Math.min(CPUS, 2 ** Math.ceil(Math.log2(cpu + 1))));
    larger.set(this.ofCpu);
    this.ofCpu = larger;
  }

  get kind(): TraceClock {
    return this.mixed ? 'mixed' : (CLOCKS[this.clock] ?? 'none');
  }
}
