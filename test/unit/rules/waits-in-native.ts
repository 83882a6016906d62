import type { Wait } from './waits.js';

const USE = 'wait for a condition with eventually(), or let time pass with pause(), of test/native/patience.h';
const SLEEP = `a bare sleep: ${USE}`;
const LIMIT = 'a time limit: a limit is longest_wait() of test/native/patience.h';
const DEADLINE = 'a deadline: a limit is longest_wait() of test/native/patience.h';
const PASSED = 'a limit of the time that has passed: compare with what was measured in the same run, or wait for a condition';

const NUMBER = String.raw`\b\d[\d'.]*[uUlL]*\b`;
/** A type of the library's for lengths of time. */
const DURATION = String.raw`\b(?:(?:std::)?chrono::)?(?:(?:hours|minutes|(?:milli|micro|nano)?seconds)\b|duration<[^;{}()]*>)`;
/** A length of time that is written down: `std::chrono::seconds(5)`, `5s`. */
const TIME = String.raw`(?:${DURATION}\s*[({]\s*${NUMBER}\s*[)}]|\b\d[\d'.]*(?:h|min|ms|us|ns|s)\b)`;
/** Names of what bounds a wait. */
const BOUND = /bound|limit|deadline|patience|within|timeout|longest|wait/i;

const SLEEPS = /^(?:sleep_for|sleep_until|usleep|(?:clock_)?nanosleep)$/;
const POLLS = /^(?:p?poll|epoll_p?wait)$/;
const SELECTS = /^p?select$/;
const WAITS = /^(?:wait_for|wait_until|eventually|try_\w+_for)$/;
const COMPARISONS = /^(?:EXPECT|ASSERT)_(?:LT|LE|GT|GE|NEAR)$/;
const JUDGED = new RegExp([SLEEPS, POLLS, SELECTS, WAITS, COMPARISONS, /^(?:sleep|alarm)$/].map(({ source }) => source).join('|'));

/** What waits by itself in C or C++, in the order of the text. A call may go over several lines; it is told where it begins. */
export function nativeWaits(source: string): Wait[] {
  const text = bare(source);
  const names = namesIn(text);
  const found = new Map<number, string>();
  const tell = (at: number, what: string): void => {
    const line = text.slice(0, at).split('\n').length;
    if (!found.has(line)) found.set(line, what);
  };
  const time = `(?:${[TIME, ...names.durations.map((name) => String.raw`\b${name}\b`)].join('|')})`;
  const isTime = new RegExp(time);
  for (const call of calls(text)) {
    const told = judge(call, names, isTime);
    if (told !== undefined) tell(call.index, told);
  }
  for (const { index } of text.matchAll(new RegExp(String.raw`\bnow\(\)\s*\+\s*${time}`, 'g'))) tell(index, DEADLINE);
  for (const { index } of text.matchAll(/\bSO_(?:RCV|SND)TIMEO\b/g)) tell(callBefore(text, index), LIMIT);
  for (const { index, name } of declarations(text)) if (BOUND.test(name)) tell(index, LIMIT);
  const elapsed = `(?:${[String.raw`\bnow\(\)\s*-\s*\w+`, ...names.elapsed.map((name) => String.raw`\b${name}\b(?:\s*\.\s*count\(\))?`)].join('|')})`;
  const compared = String.raw`\)?\s*[<>]=?\s*(?:${time}|${NUMBER})`;
  for (const { index } of text.matchAll(new RegExp(elapsed + compared, 'g'))) tell(index, PASSED);
  return [...found].sort(([a], [b]) => a - b).map(([line, what]) => ({ line, what }));
}

/** What a file calls its lengths of time. */
interface Names {
  /** Constants that are written down. */
  readonly durations: readonly string[];
  /** Variables that say how long something took. */
  readonly elapsed: readonly string[];
  /** Constants of a thousand and more. */
  readonly numbers: readonly string[];
}

function namesIn(text: string): Names {
  const took = /(\w+)\s*[={][^;=]*\b(?:now\(\)|clock_ns\(\w*\))\s*-\s*[A-Za-z_]/g;
  // Milliseconds as poll() takes them; less than a second is a turn of a loop.
  const numbers = /\bconst(?:expr)?\s+(?:\w+\s+)?(?:int|long|auto|std::\w+)\s+(\w+)\s*[={]\s*[1-9](?:'?\d){3,}\s*[};]/g;
  const named = (what: RegExp): string[] => [...new Set([...text.matchAll(what)].map(([, name = '']) => name))];
  return { durations: declarations(text).map(({ name }) => name), elapsed: named(took), numbers: named(numbers) };
}

/** Declarations of lengths of time that are written down: `seconds kLong{5}`, `auto late = 5s`, `timeval limit{5, 0}`. */
function declarations(text: string): { index: number; name: string }[] {
  return [
    String.raw`${DURATION}\s+(\w+)\s*(?:=\s*${TIME}|=?\s*[({]\s*(?:${TIME}|${NUMBER})\s*[)}])`,
    String.raw`\bauto\s+(\w+)\s*(?:=\s*|[({]\s*)${TIME}`,
    String.raw`\btime(?:val|spec)\s+(\w+)\s*=?\s*\{\s*(?:\.\w+\s*=\s*)?(?:[1-9]|0\s*,\s*(?:\.\w+\s*=\s*)?[1-9])`,
  ].flatMap((declared) => [...text.matchAll(new RegExp(declared, 'g'))].map(({ index, 1: name = '' }) => ({ index, name })));
}

/** A call, or the declaration of a function. */
interface Call {
  readonly index: number;
  readonly name: string;
  /** The arguments. */
  readonly given: readonly string[];
  /** A few letters of what stands before it. */
  readonly before: string;
}

function* calls(text: string): Generator<Call> {
  for (const { index, 0: begin, 1: name = '' } of text.matchAll(/\b([A-Za-z_]\w*)\s*\(/g)) {
    if (JUDGED.test(name))
      yield { index, name, given: split(text, index + begin.length), before: text.slice(Math.max(0, index - 16), index) };
  }
}

/** What is wrong with a call; undefined: nothing. */
function judge({ name, given, before }: Call, names: Names, isTime: RegExp): string | undefined {
  const [first = '', second = ''] = given;
  const last = given.at(-1) ?? '';
  if (SLEEPS.test(name)) return SLEEP;
  if (name === 'sleep') return /(?:[\w.>:]|\bpassage_of_)$/.test(before) ? undefined : SLEEP;
  if (POLLS.test(name)) {
    if (/^(?:nullptr|NULL|0)$/.test(first) && second === '0') return SLEEP;
    // Less than a second is a turn of a loop.
    return /^[1-9](?:'?\d){3,}$/.test(last) || names.numbers.includes(last) || isTime.test(last) ? LIMIT : undefined;
  }
  if (SELECTS.test(name)) return first === '0' ? SLEEP : undefined;
  if (name === 'alarm') return /^[1-9]/.test(last) ? LIMIT : undefined;
  if (WAITS.test(name)) return isTime.test(last) && !(name === 'eventually' && given.length === 1) ? LIMIT : undefined;
  const isElapsed = (one: string): boolean =>
    /\b(?:now\(\)|clock_ns\(\w*\))\s*-/.test(one) || names.elapsed.some((elapsed) => new RegExp(String.raw`^\(?${elapsed}\b`).test(one));
  const isWritten = (one: string): boolean => new RegExp(`^(?:${NUMBER}$|${isTime.source})`).test(one);
  return (isElapsed(first) && isWritten(second)) || (isElapsed(second) && isWritten(first)) ? PASSED : undefined;
}

/** The arguments of a call that begin at an offset, without white space around them. */
function split(text: string, from: number): string[] {
  const given: string[] = [];
  let [depth, begin, at] = [0, from, from];
  for (; at < text.length && depth >= 0; at++) {
    const letter = text.charAt(at);
    if ('([{'.includes(letter)) depth++;
    if (')]}'.includes(letter)) depth--;
    if (depth < 0 || (depth === 0 && letter === ',')) {
      given.push(text.slice(begin, at).trim());
      begin = at + 1;
    }
  }
  return given.length === 1 && given[0] === '' ? [] : given;
}

/** Where the statement begins in which something stands. */
function callBefore(text: string, index: number): number {
  const begin = Math.max(...[';', '{', '}'].map((end) => text.lastIndexOf(end, index))) + 1;
  return begin + (text.slice(begin, index).search(/\S/) + 1 || 1) - 1;
}

/** Without comments and without what stands in quotes; the lines stay. */
export function bare(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|`[^`]*`|(?<![\w])'(?:[^'\\\n]|\\.)'/g, (part) =>
    part.replace(/[^\n]/g, ' '),
  );
}
