// Rules of this repository that neither the compiler nor the linter knows.
// Usage: node scripts/tidy.mjs      prints one line a finding, exits 1 if there are any.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const MAX_LINES = 400;
const SKIPPED = new Set(['node_modules', 'dist', 'results', 'coverage', '.git', '.ci']);
const TEXT = new Set(['.ts', '.mjs', '.js', '.json', '.md', '.yml', '.yaml', '.sh']);
const SOURCE_FOLDERS = ['core', 'bench', 'reports'];

// Character classes keep these patterns from matching this file.
const MACHINE_PATH =
  /\/wor[k]\/|\/far[m]\/|\/hom[e]\/\w|\/Use[r]s\/\w|(\.\.\/)+share[d]\/(data|reference|yardstick|contract|architecture)|registry\.npmj[s]|deb\.debia[n]/;
const MARK = /\bTOD[O]\b|\bFIXM[E]\b|\bXX[X]\b/;
const CONSOLE = /\bconsole\.log\b/;
const ATOMICS = /\bAtomics\s*[.[]/;
const ATOMICS_FILE = /^core\/shared\/atomics[\w-]*\.ts$/;
const ATOMICS_TEST = /^test\/(.*\/)?atomics[\w-]*\.test\.ts$/;
/** Those that load the exploring version by its name, of whichever core is explored. */
const ATOMICS_LOADER = /^bench\/explore\//;
const ASSERTION = /\bassert\b|\bfc\.(assert|check)\b/;
const IMPORT = /(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)['"]([^'"]+)['"]/g;

/** @type {string[]} */
const findings = [];

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.isFile() && TEXT.has(extname(entry.name)) ? [path] : [];
  });
}

function report(file, line, what) {
  findings.push(`${file}${line > 0 ? `:${line}` : ''}: ${what}`);
}

function checkLines(file, lines, rules) {
  lines.forEach((text, index) => {
    for (const [pattern, what] of rules) {
      if (pattern.test(text)) report(file, index + 1, what);
    }
  });
}

function checkImports(file, folder, lines) {
  lines.forEach((text, index) => {
    for (const [, name] of text.matchAll(IMPORT)) {
      const local = name.startsWith('.');
      const target = local ? relative(root, resolve(root, dirname(file), name)) : name;
      const path = target.split(sep).join('/');
      const line = index + 1;
      if (folder === 'core' && !path.startsWith('core/') && path !== '#atomics') {
        report(file, line, `core imports ${name}; core imports nothing from outside core`);
      }
      if (folder === 'reports' && local && !path.startsWith('reports/')) {
        report(file, line, `reports imports ${name}; reports imports nothing of core or bench`);
      }
      if (ATOMICS_FILE.test(path) && !ATOMICS_TEST.test(file) && !ATOMICS_LOADER.test(file)) {
        report(file, line, `imports ${name}; write '#atomics', so that conditions choose it`);
      }
    }
  });
}

function checkSource(file, lines) {
  // A final line break ends the last line, it does not start another one.
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count > MAX_LINES) report(file, 0, `${count} lines; split it, ${MAX_LINES} at most`);
  checkLines(file, lines, [
    [MARK, 'a mark left in the code; do it or write an issue'],
    [CONSOLE, 'console.log; return the text, or use the progress line'],
  ]);
  if (!ATOMICS_FILE.test(file)) {
    checkLines(file, lines, [[ATOMICS, "names Atomics; import from '#atomics'"]]);
  }
}

for (const path of walk(root)) {
  const file = relative(root, path).split(sep).join('/');
  if (file === 'package-lock.json') continue;
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n');
  const folder = file.slice(0, Math.max(0, file.indexOf('/')));
  const isCode = file.endsWith('.ts') || file.endsWith('.mjs');
  checkLines(file, lines, [[MACHINE_PATH, 'a path or host that means nothing to a user']]);
  if (isCode) checkImports(file, folder, lines);
  if (isCode && SOURCE_FOLDERS.includes(folder)) checkSource(file, lines);
  if (file.endsWith('.test.ts') && !ASSERTION.test(text)) {
    report(file, 0, 'a test file without an assertion');
  }
}

for (const finding of findings) console.error(finding);
if (findings.length > 0) {
  console.error(`tidy: ${findings.length} to mend`);
  process.exit(1);
}
