/**
 * A copy of the compiled core with a few lines replaced, in a folder of its own. The core itself knows
 * nothing of mutants. The lines to be replaced hold no types, so they are the same in the source and in
 * what it compiles to, and one text serves for both.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { OWN_CORE } from './load-core.ts';

/** Replaces a text that occurs once in a file of the core. */
export interface Patch {
  /** File below `core/`, as `memcg/caches.ts`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A patch does not fit the core any more. */
export class PatchError extends Error {
  constructor(patch: Patch, times: number) {
    super(
      `core/${patch.file}: the text of a patch occurs ${times} times instead of once; write the patch anew: ${JSON.stringify(patch.find.slice(0, 100))}`,
    );
    this.name = 'PatchError';
  }
}

/** Words and single marks: what a formatter or a compiler puts between them does not count. */
const TOKEN = /[A-Za-z_$][\w$]*|\d+|\S/g;

function patternOf(find: string): RegExp {
  const tokens = find.match(TOKEN) ?? [];
  const escaped = tokens.map((token) => {
    const plain = token.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    // The formatter ends a list that takes several lines with a comma.
    return token === ')' ? `,?\\s*${plain}` : plain;
  });
  return new RegExp(escaped.join('\\s*'), 'g');
}

/** Applies a patch to the text of its file. @throws PatchError */
export function applyPatch(text: string, patch: Patch): string {
  const pattern = patternOf(patch.find);
  const times = [...text.matchAll(pattern)].length;
  if (times !== 1) throw new PatchError(patch, times);
  return text.replace(pattern, () => patch.put);
}

/** A folder with a core in it. */
export interface CoreFolder {
  /** URL of the folder, ended by a slash. */
  readonly url: string;
  /** Removes it. */
  remove(): void;
}

/** The core as it is. */
export const unpatchedCore: CoreFolder = { url: OWN_CORE, remove() {} };

/** Writes a patched copy. @throws PatchError */
export function patchedCore(patches: readonly Patch[]): CoreFolder {
  const own = fileURLToPath(OWN_CORE);
  const texts = new Map<string, string>();
  for (const patch of patches) {
    const file = patch.file.replace(/\.ts$/, '.js');
    const text = texts.get(file) ?? readFileSync(join(own, file), 'utf8');
    texts.set(file, applyPatch(text, patch));
  }
  const folder = mkdtempSync(join(tmpdir(), 'slabsplice-core-'));
  try {
    cpSync(own, join(folder, 'core'), {
      recursive: true,
      filter: (name) => !name.endsWith('.d.ts') && !name.endsWith('.d.ts.map'),
    });
    const manifest = {
      type: 'module',
      imports: { '#atomics': './core/shared/atomics-explore.js' },
    };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    for (const [file, text] of texts) writeFileSync(join(folder, 'core', file), text);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `${pathToFileURL(join(folder, 'core')).href}/`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
