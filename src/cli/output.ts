import { once } from 'node:events';
import pc from 'picocolors';
import { plainOutput } from '../text/plain.js';

/** Colours for standard output, none when it is no terminal. */
export const colour = pc.createColors(process.stdout.isTTY === true && process.env.NO_COLOR === undefined);
const errorColour = pc.createColors(process.stderr.isTTY === true && process.env.NO_COLOR === undefined);

export function errorStyle(text: string): string {
  return errorColour.red(plainOutput(text));
}

/** Writes to standard output, and waits while its reader is slow. What a terminal would obey is escaped in text; bytes go out as they are. */
export async function write(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(typeof text === 'string' ? plainOutput(text) : text)) await once(process.stdout, 'drain');
}

/** Writes an answer of the store: as it is into a file or a pipe, as text for people on a terminal. */
export async function writeAnswer(answer: string | Buffer): Promise<void> {
  await write(process.stdout.isTTY === true ? answer.toString() : answer);
}

/** For standard error: what a person should know beside the answer. */
export function note(text: string): void {
  process.stderr.write(`${errorColour.dim(plainOutput(text))}\n`);
}

/** Characters in a line of the terminal; undefined in a pipe or a file, where no line is cut. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY === true ? (process.stdout.columns ?? 80) : undefined;
}

/** Text for people, through a pager where it is longer than the terminal: $PAGER, or `less -FRX`; none where PAGER is empty. */
export async function page(text: string): Promise<void> {
  const { isTTY, rows = 24 } = process.stdout;
  const pager = process.env.PAGER ?? 'less -FRX';
  if (isTTY !== true || pager.trim() === '' || text.split('\n').length <= rows) return write(text);
  const { spawnSync } = await import('node:child_process');
  const [program = '', ...args] = pager.trim().split(/\s+/);
  const { error, status } = spawnSync(program, args, { input: plainOutput(text), stdio: ['pipe', 'inherit', 'inherit'] });
  // There is no such program, or it could not be run.
  if (error !== undefined && status === null) await write(text);
}

/** Pairs below one another, the names in one column. */
export function pairs(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${colour.bold(name.padEnd(width))}  ${plainOutput(value)}\n`).join('');
}
