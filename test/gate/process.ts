import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { signalGroup } from '../support/process-group.js';

/** Time for a command that was told to end to remove what it made, ms. Then it is killed. */
const LEAVE_MS = 20_000;

const running = new Set<ChildProcess>();
let over = false;

/** Ends every command that still runs, with all that it started; none is begun any more. */
export function endAll(signal: NodeJS.Signals): void {
  over = true;
  for (const child of running) signalGroup(child, signal);
  // time: no test is decided by it, the run is over
  setTimeout(() => {
    for (const child of running) signalGroup(child, 'SIGKILL');
  }, LEAVE_MS).unref();
}

/** True after endAll(). */
export const ended = (): boolean => over;

/**
 * Runs a command in `cwd`; each of its lines goes to `say` and to the file `log`. Resolves to its exit code, 128 when a signal ended it; whatever it started and left is killed.
 * Rejects when it cannot be started. A file that cannot be written is told by a line.
 */
export async function runCommand(
  command: readonly string[],
  {
    cwd,
    env,
    log,
    say,
  }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly log: string; readonly say: (line: string) => void },
): Promise<number> {
  const [program = '', ...args] = command;
  // A group of its own: whatever it starts ends with it.
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  const file = createWriteStream(log, { flags: 'a' });
  let unwritten: Error | undefined;
  file.on('error', (error) => {
    unwritten ??= error;
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      if (unwritten === undefined) file.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) say(line);
    });
    stream.once('end', () => {
      if (rest !== '') say(rest);
    });
  }
  // What it left behind would hold its output open.
  child.once('exit', () => signalGroup(child, 'SIGKILL'));
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return code ?? (signal === null ? 1 : 128);
  } catch (error) {
    throw new Error(`${program} could not be started: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    running.delete(child);
    file.end();
    await finished(file).catch(() => undefined);
    if (unwritten !== undefined) say(`the rest of this is not in ${log}: ${unwritten.message}`);
  }
}
