import { textWaits } from './waits-in-text.js';
import { typescriptWaits } from './waits-in-typescript.js';

/** A wait that time decides. */
export interface Wait {
  /** From 1. */
  readonly line: number;
  /** What it is, and what to write instead. */
  readonly what: string;
}

/** A comment that allows the wait in its own line, or in the next one: `// time: REASON`, in a shell `# time: REASON`. */
const ALLOWED = /(?:^|\s)(?:\/\/|#) time: (.*)$/;
/** A reason says something. */
const SHORTEST_REASON = 15;

/** Folders of tests that the rule does not hold for, and why. It holds for every other one. */
export const FREE: Readonly<Record<string, string>> = {
  bench: 'benchmarks measure time, and have a patience of their own',
};

/** Of the folders below test/, those that the rule holds for. */
export function heldOf(folders: readonly string[]): string[] {
  return folders.filter((folder) => FREE[folder] === undefined);
}

const SCRIPT = /\.[cm]?[jt]sx?$/;

/** The languages that the rule reads, by the end of a file's name; a file without one is a program of the guest, for its shell. */
export function isRead(path: string): boolean {
  return SCRIPT.test(path) || /\.(cc|cpp|c|h|hpp|sh|bash|py|go|toml)$|^[^.]+$/.test(path.split('/').at(-1) ?? '');
}

/**
 * What in a file of tests waits by itself or gives up by itself: sleeps, and limits that are numbers. A test waits for conditions, with the patience of
 * test/support/patience.ts or test/native/patience.h. Marks that allow nothing are told, too.
 */
export function waitsIn(path: string, text: string): Wait[] {
  const found = SCRIPT.test(path) ? typescriptWaits(path, text) : textWaits(path, text);
  const marks = new Map<number, string>();
  for (const [i, line] of text.split('\n').entries()) {
    const reason = ALLOWED.exec(line)?.[1];
    if (reason !== undefined) marks.set(i + 1, reason);
  }
  const used = new Set<number>();
  const left = found.filter(({ line }) => {
    const mark = [line, line - 1].find((at) => marks.has(at));
    if (mark !== undefined) used.add(mark);
    return mark === undefined;
  });
  for (const [line, reason] of marks) {
    if (!used.has(line)) left.push({ line, what: 'this mark allows nothing: remove it' });
    else if (reason.length < SHORTEST_REASON) left.push({ line, what: 'the mark needs a reason, in a few words' });
  }
  return left.sort((a, b) => a.line - b.line);
}
