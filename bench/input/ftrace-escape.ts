/** Text that a traced machine chose (names of tasks, caches, paths), made fit to be printed. */

/** Characters that could steer a terminal, or make text look like other text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\uFFFD]/gu;

/** Writes what is no plain character as its code: `\x1b`, `\u{202e}`. */
export function escapeForTerminal(text: string): string {
  return text.replace(UNSAFE, (letter) => {
    const code = letter.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}
