import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { madeWithParents } from '../access/place.js';

/** So many statements are remembered. */
const MOST = 1000;

/** Where a person's statements are kept: `$XDG_STATE_HOME/vslog/sql_history`, or in `~/.local/state`. */
export function historyPath(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const state = env.XDG_STATE_HOME !== undefined && env.XDG_STATE_HOME !== '' ? env.XDG_STATE_HOME : join(homedir(), '.local', 'state');
  return join(state, 'vslog', 'sql_history');
}

/** The statements of earlier sessions, oldest first; a statement of several lines is one. Nothing when there is no file. */
export function readHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.replace(/\\(.)/g, (_all, c: string) => (c === 'n' ? '\n' : c)));
  } catch {
    return [];
  }
}

/** Remembers a statement, for its owner's eyes only. A disk that does not take it is no reason to stop. */
export function addToHistory(path: string, statement: string): void {
  const line = (text: string): string => `${text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`;
  try {
    madeWithParents(dirname(path), 0o700);
    const before = readHistory(path);
    if (before.length >= 2 * MOST) writeFileSync(path, before.slice(-MOST).map(line).join(''), { mode: 0o600 });
    appendFileSync(path, line(statement), { mode: 0o600 });
    chmodSync(path, 0o600);
  } catch {
    // Told nowhere: the statement itself is what the person waits for.
  }
}

/** Texts and names in quotes, comments, and what ends a line. */
const PIECE = /'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*"|\/\*.*?\*\/|--([^\n]*)|\n/gs;

/** A statement as one line that means the same: what is recalled is edited in one, and a comment to the end of the line would swallow the rest. */
export function oneLine(statement: string): string {
  return statement.replace(PIECE, (piece, comment: string | undefined) => {
    if (comment !== undefined) return `/*${comment.replaceAll('*/', '* /')} */`;
    if (piece === '\n') return ' ';
    return piece.replaceAll('\n', piece.startsWith('/*') ? ' ' : '\\n');
  });
}
