// Completes package-lock.json so that `npm ci` works from any registry:
//  - no download addresses: they name whichever registry or mirror the author used;
//  - every optional package of another platform is there, also one that the author's registry does
//    not carry. npm leaves such a package out and `npm ci` then refuses the whole file; with its
//    name, version and platform in place it is skipped where it does not fit.
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const PROCESSORS = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];
const LIBRARIES = { musl: 'musl', musleabihf: 'musl', gnu: 'glibc', gnueabihf: 'glibc' };

/** Where a package of compiled code runs, from the words of its name. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = words
    .filter((word) => word in LIBRARIES && os.includes('linux'))
    .map((word) => LIBRARIES[word]);
  if (os.length === 0 && cpu.length === 0) throw new Error(`${name}: which platform is it for?`);
  return {
    ...(cpu.length > 0 && { cpu }),
    ...(libc.length > 0 && { libc }),
    ...(os.length > 0 && { os }),
  };
}

/** Completes one lock file in place. */
function complete(file) {
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  for (const [path, entry] of Object.entries(lock.packages)) {
    delete entry.resolved;
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`;
      if (path === '' || lock.packages[place] !== undefined || lock.packages[`${path}/${place}`])
        continue;
      if (!/^\d+\.\d+\.\d+/.test(version))
        throw new Error(`${name} ${version}: not an exact version`);
      lock.packages[place] = {
        version,
        ...(entry.dev && { dev: true }),
        optional: true,
        ...platformOf(name),
      };
    }
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}

complete(new URL('../package-lock.json', import.meta.url));
complete(new URL('reference/package-lock.json', import.meta.url));
