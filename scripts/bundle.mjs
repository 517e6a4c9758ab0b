// Makes the scripts and the style sheet that go into an HTML page, from compiled code: dist/pages/.
//  - charts.js   reads the record in the page, draws its charts and lets one play with them
//  - machine.js  the model itself with a small machine to play with. A page that is opened from a file may
//                not share memory, and has one thread: the single-CPU atomics and a plain buffer do
//  - machine.css the style of that machine
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
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
  format: 'iife',
  target: 'es2023',
  conditions: ['solo'],
  define: { SharedArrayBuffer: 'ArrayBuffer' },
  // Licences of what is bundled stay in the page.
  legalComments: 'inline',
  logLevel: 'warning',
});
