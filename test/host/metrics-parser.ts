import assert from 'node:assert/strict';

/** A family of metrics as a reader of OpenMetrics text sees it. */
export interface Family {
  readonly help: string;
  readonly type: string;
  /** By their labels, sorted and joined. */
  readonly samples: Map<string, number>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;

function unescaped(text: string): string {
  return text.replace(/\\(["\\n])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
}

function labelsOf(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name, value, end] = LABEL.exec(text) ?? assert.fail(`labels: ${text}`);
    assert.ok(name !== undefined && value !== undefined && !labels.has(name), text);
    labels.set(name, unescaped(value));
    if (end !== ',') break;
  }
  return labels;
}

/**
 * Reads OpenMetrics text as strictly as its specification: metadata before samples, a family in one
 * piece and once, no sample twice, the end marked, no blank lines.
 */
export function parseMetrics(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n# EOF\n') || text === '# EOF\n', 'no end mark');
  const lines = text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1);
  const families = new Map<string, { help: string; type: string; samples: Map<string, number> }>();
  let current = '';
  for (const line of lines) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      assert.match(name, NAME);
      if (name !== current) assert.ok(!families.has(name), `${name} stands in two places`);
      const family = families.get(name) ?? { help: '', type: '', samples: new Map() };
      assert.equal(family.samples.size, 0, `${line} stands after a sample`);
      families.set(name, kind === 'HELP' ? { ...family, help: rest } : { ...family, type: rest });
      current = name;
      continue;
    }
    const [, sample = '', labels = '', value = ''] =
      /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? assert.fail(`no sample: ${line}`);
    assert.equal(sample, current, `${line} stands outside its family`);
    assert.match(value, /^-?\d+(\.\d+)?(e[-+]\d+)?$/);
    const key = [...labelsOf(labels)].map(([name_, one]) => `${name_}=${one}`).sort();
    const samples = families.get(sample)?.samples ?? assert.fail(`${sample} has no TYPE`);
    assert.ok(!samples.has(key.join()), `${line} stands twice`);
    samples.set(key.join(), Number(value));
  }
  return families;
}
