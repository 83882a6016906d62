import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

const running = new Set<ChildProcess>();

/** Ends every command that still runs. */
export function endAll(signal: NodeJS.Signals): void {
  for (const child of running) child.kill(signal);
}

/** Runs a command in `cwd`; each of its lines goes to `say` and to the file `log`. Resolves to its exit code, 128 when a signal ended it. */
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
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const file = createWriteStream(log, { flags: 'a' });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      file.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) say(line);
    });
    stream.once('end', () => {
      if (rest !== '') say(rest);
    });
  }
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`${program} could not be started: ${error.message}`)));
      child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
    });
  } finally {
    running.delete(child);
    file.end();
    await finished(file).catch(() => undefined);
  }
}
