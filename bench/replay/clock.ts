// hot path
/** The time of a replay: it goes on, whatever the stamps of its trace do. */

/** CPUs and files are merged by time, so stamps a little back are only not sorted, us. */
const BACK_US = 1_000_000;
/** Nobody records for so long without an event: the clock was changed, or the line is broken, us. */
const FORWARD_US = 30 * 86_400 * 1_000_000;
/** Time between two turns of a trace. */
const BETWEEN_US = 1_000_000;

/** Follows time stamps; where they jump, no time went by. */
export class ReplayClock {
  /** Microseconds, on the trace's clock as long as that does not jump. */
  now = Number.NaN;
  first = Number.NaN;
  private shift = 0;
  private isNewTurn = false;

  /** An event has this stamp. */
  advance(time: number): void {
    const step = time + this.shift - this.now;
    if (step >= 0 && step <= FORWARD_US && !this.isNewTurn) this.now += step;
    else if (!(step < 0 && step >= -BACK_US) || this.isNewTurn) this.jump(time);
  }

  private jump(time: number): void {
    if (Number.isNaN(this.now)) this.now = this.first = time;
    else if (this.isNewTurn) this.now += BETWEEN_US;
    this.isNewTurn = false;
    this.shift = this.now - time;
  }

  /** What comes next is the trace again, from its beginning. */
  startTurn(): void {
    this.isNewTurn = true;
  }
}
