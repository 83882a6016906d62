import type { Wait } from './waits.js';
import { bare, nativeWaits } from './waits-in-native.js';

const OUTSIDE = 'wait for a condition from outside, with the patience of test/support/patience.ts';

/** Where a command may stand in a shell's script. */
const COMMAND = String.raw`(?:^\s*|[;&|({\x60]\s*|\b(?:do|then|else|exec|sudo|nohup|&&|\|\|)\s+)(?:busybox |\/\S*\/)?`;
const SHELL_SLEEP = new RegExp(String.raw`${COMMAND}sleep +(\$?[\w.{("]+)`);
/** A number, and a program behind it: else it is a word of a sentence. */
const SHELL_TIMEOUT = new RegExp(String.raw`${COMMAND}timeout(?: +-[-\w=]+)* +[1-9][\d.]*[smhd]? +[\w./$"{]`);

/** What waits by itself in a line, by the end of a file's name. */
const LINES: Readonly<Record<string, readonly (readonly [what: RegExp, told: string])[]>> = {
  py: [
    [/\bsleep\s*\(/, 'a bare sleep'],
    [/\btimeout\s*=\s*[1-9]/, 'a time limit'],
  ],
  go: [
    [/\btime\.(?:Sleep|After|AfterFunc|Tick|NewTimer)\s*\(/, 'a bare timer'],
    [/\b(?:WithTimeout|WithDeadline)\s*\(/, 'a time limit'],
  ],
  toml: [[/\bdo\s*=\s*["']sleep["']/, 'a step that only sleeps']],
};

/** Every language but TypeScript: C and C++, Python, Go, TOML; what has no ending of these is a script of a shell. */
export function textWaits(path: string, text: string): Wait[] {
  const [, ending = ''] = /\.(\w+)$/.exec(path) ?? [];
  if (/^(cc|c|h|cpp|hpp)$/.test(ending)) return nativeWaits(text);
  const lines = LINES[ending];
  if (lines === undefined) return shellWaits(text.replace(/(^|\s)#.*$/gm, '$1'));
  const read = ending === 'go' ? bare(text) : text.replace(/(^|\s)#.*$/gm, '$1');
  return read.split('\n').flatMap((line, i) => {
    const told = lines.find(([what]) => what.test(line))?.[1];
    return told === undefined ? [] : [{ line: i + 1, what: `${told}: ${OUTSIDE}` }];
  });
}

/** `sleep 5` and `timeout 5 program` where a command may stand. A sleep that never ends by itself is a process to look at. */
export function shellWaits(script: string): Wait[] {
  return script.split('\n').flatMap((line, i) => {
    const [, time] = SHELL_SLEEP.exec(line) ?? [];
    if (time !== undefined && time !== 'infinity') return [{ line: i + 1, what: `a bare sleep of a shell: ${OUTSIDE}` }];
    return SHELL_TIMEOUT.test(line) ? [{ line: i + 1, what: `a time limit of a shell: ${OUTSIDE}` }] : [];
  });
}
