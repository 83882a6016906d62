import type { Wait } from './waits.js';

const NATIVE_USE = 'wait for a condition with eventually(), or let time pass with pause(), of test/native/patience.h';
const NATIVE_LIMIT = 'a limit is longest_wait() of test/native/patience.h';
const SHELL_USE = 'wait for a condition from outside, with the patience of test/support/patience.ts';

/** A length of time that is written down: `std::chrono::seconds(5)`, `5s`. */
const TIME = String.raw`(?:(?:std::)?chrono::\w+(?:\(|\{)\s*[\d'.]+\s*[)}]|\b[\d']+(?:min|ms|us|s)\b)`;

const NATIVE: readonly (readonly [what: RegExp, told: string])[] = [
  [/\b(?:sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep)\s*\(/, `a bare sleep: ${NATIVE_USE}`],
  [/(?<![\w.>:]|\bpassage_of_)sleep\s*\(/, `a bare sleep: ${NATIVE_USE}`],
  [/\bpoll\s*\(\s*(?:nullptr|NULL|0)\s*,\s*0\s*,/, `a bare sleep: ${NATIVE_USE}`],
  // Less than a second is a turn of a loop.
  [/\b(?:poll|epoll_wait)\s*\(.*,\s*[1-9](?:'?\d){3,}\s*\)/, `a time limit: ${NATIVE_LIMIT}`],
  [/\balarm\s*\(\s*[1-9]/, `a time limit: ${NATIVE_LIMIT}`],
  [new RegExp(String.raw`\b(?:wait_for|wait_until|eventually)\s*\(.*${TIME}`), `a time limit: ${NATIVE_LIMIT}`],
  [new RegExp(String.raw`\bnow\(\)\s*\+\s*${TIME}`), `a deadline: ${NATIVE_LIMIT}`],
  [
    new RegExp(String.raw`\bchrono::\w+\s+\w*(?:bound|limit|deadline|patience|within)\w*\s*=\s*${TIME}`, 'i'),
    `a time limit: ${NATIVE_LIMIT}`,
  ],
];

/** C and C++, or a shell. */
export function textWaits(path: string, text: string): Wait[] {
  return /\.(cc|c|h)$/.test(path) ? nativeWaits(text) : shellWaits(text.replace(/(^|\s)#.*$/gm, '$1'));
}

function nativeWaits(text: string): Wait[] {
  return bare(text)
    .split('\n')
    .flatMap((line, i) => {
      const told = NATIVE.find(([what]) => what.test(line))?.[1];
      return told === undefined ? [] : [{ line: i + 1, what: told }];
    });
}

/** `sleep 5` where a command may stand. One that never ends by itself is a process to look at. */
export function shellWaits(script: string): Wait[] {
  return script.split('\n').flatMap((line, i) => {
    const [, time] = /(?:^\s*|[;&|({`]\s*|\b(?:do|then|else|exec|&&|\|\|)\s+)(?:busybox |\/\S*\/)?sleep +(\$?[\w.{("]+)/.exec(line) ?? [];
    return time === undefined || time === 'infinity' ? [] : [{ line: i + 1, what: `a bare sleep of a shell: ${SHELL_USE}` }];
  });
}

/** Without comments and without what stands in quotes; the lines stay. */
function bare(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|(?<![\w])'(?:[^'\\\n]|\\.)'/g, (part) =>
    part.replace(/[^\n]/g, ' '),
  );
}
