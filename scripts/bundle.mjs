// Makes the scripts and the style sheet that go into an HTML page, from compiled code: dist/pages/.
//  - charts.js   reads the record in the page, draws its charts and lets one play with them
//  - machine.js  the model itself with a small machine to play with. A page that is opened from a file may
//                not share memory, and has one thread: the single-CPU atomics and a plain buffer do
//  - machine.css the style of that machine
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: 'dist/reports/html/client/main.js', out: 'charts' },
    { in: 'reports/html/client/page.css', out: 'page' },
    { in: 'dist/bench/view/main.js', out: 'machine' },
    { in: 'bench/view/machine.css', out: 'machine' },
  ],
  outdir: 'dist/pages',
  bundle: true,
  minify: true,
  charset: 'utf8',
  format: 'iife',
  target: 'es2023',
  conditions: ['solo'],
  define: { SharedArrayBuffer: 'ArrayBuffer' },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  write: false,
});

/** Licences of the packages of which something is in an output: they must stay with it. */
function licencesOf(output) {
  const packages = Object.entries(metafile.outputs[output].inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((folder) => folder !== undefined);
  return [...new Set(packages)].sort().map((folder) => {
    const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${folder} has no licence to put into ${output}`);
    const text = readFileSync(join(root, folder, file), 'utf8').trim();
    return `/*! ${folder.slice('node_modules/'.length)}\n\n${text} */\n`;
  });
}

for (const { path, text } of outputFiles) {
  const output = relative(root, path).replaceAll('\\', '/');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, licencesOf(output).join('') + text);
}
