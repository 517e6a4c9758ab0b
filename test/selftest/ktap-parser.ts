/**
 * A reader of KTAP version 1 for tests, stricter than the format: every line must be understood, numbers
 * must run from 1 without a gap, the plan must be kept, and a test fails if and only if a subtest does.
 * Source: Documentation/dev-tools/ktap.rst.
 */

/** One result line with what belongs to it. */
export interface KtapTest {
  readonly ok: boolean;
  readonly name: string;
  readonly directive: string;
  readonly data: string;
  readonly subtests: readonly KtapTest[];
}

/** A whole output, or the subtests of a test. */
export interface KtapSuite {
  readonly planned: number;
  readonly tests: readonly KtapTest[];
  readonly totals: readonly string[];
}

const RESULT = /^(ok|not ok) (\d+) ([^#]+?)(?: # (.*))?$/;
const DIRECTIVES = ['SKIP', 'XFAIL', 'XPASS', 'TIMEOUT', 'ERROR'];

class Reader {
  private at = 0;
  private readonly lines: readonly string[];

  constructor(text: string) {
    if (!text.endsWith('\n')) throw new Error('the last line is not ended');
    this.lines = text.slice(0, -1).split('\n');
  }

  suite(indent: string, complete: boolean): KtapSuite {
    this.expect(`${indent}KTAP version 1`);
    const plan = /^1\.\.(\d+)$/.exec(this.take(indent));
    if (plan === null) throw new Error(`line ${this.at}: no plan`);
    const tests: KtapTest[] = [];
    const totals: string[] = [];
    let subtests: readonly KtapTest[] = [];
    while (this.at < this.lines.length) {
      const line = this.lines[this.at] ?? '';
      if (line.startsWith(`${indent}  KTAP`)) subtests = this.suite(`${indent}  `, true).tests;
      else if (!line.startsWith(indent) || (indent !== '' && !/^ +\S/.test(line))) break;
      else {
        const text = this.take(indent);
        if (/^#( |$)/.test(text)) {
          if (text.startsWith('# Totals:')) totals.push(text);
          continue;
        }
        tests.push(this.result(text, tests.length + 1, subtests));
        subtests = [];
      }
    }
    const planned = Number(plan[1]);
    if (complete && planned !== tests.length) {
      throw new Error(`line ${this.at}: ${planned} planned, ${tests.length} there`);
    }
    return { planned, tests, totals };
  }

  end(): void {
    if (this.at < this.lines.length) throw new Error(`line ${this.at + 1} is of nothing`);
  }

  private result(text: string, number: number, subtests: readonly KtapTest[]): KtapTest {
    const found = RESULT.exec(text);
    if (found === null) throw new Error(`line ${this.at}: not understood: ${text}`);
    const [, verdict, count, name = '', rest = ''] = found;
    if (Number(count) !== number)
      throw new Error(`line ${this.at}: number ${count}, not ${number}`);
    const [first = '', ...words] = rest.split(' ');
    const known = DIRECTIVES.includes(first);
    const ok = verdict === 'ok';
    if (subtests.length > 0 && ok !== subtests.every((one) => one.ok)) {
      throw new Error(`line ${this.at}: ${verdict}, against its subtests`);
    }
    const directive = known ? first : '';
    return { ok, name, directive, data: known ? words.join(' ') : rest, subtests };
  }

  private expect(line: string): void {
    if (this.lines[this.at++] !== line) throw new Error(`line ${this.at}: not "${line}"`);
  }

  private take(indent: string): string {
    return (this.lines[this.at++] ?? '').slice(indent.length);
  }
}

/** Reads a whole output. `complete: false` lets tests that were planned be missing. @throws Error */
export function parseKtap(text: string, { complete = true } = {}): KtapSuite {
  const reader = new Reader(text);
  const suite = reader.suite('', complete);
  reader.end();
  return suite;
}
