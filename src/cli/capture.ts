import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Command } from 'commander';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { captureArguments, captureBinary, makeRuntimeDirs, spawnSentence } from './native.js';
import { addConfigOptions, configOf } from './options.js';

const EXAMPLES = `
Examples:
  vslog capture --journal-size 1G --node lb1
  vslog capture --source scripted --scripted-rate 10
  vslog capture --detach        take the programs out of the kernel, and end`;

export function captureCommand(): Command {
  const command = new Command('capture')
    .description('Run vslog-capture, the privileged half, in the foreground.')
    .option('--detach', 'remove what an earlier capture left in the kernel, and end')
    .addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'capture');
  return command.action(async (options: { detach?: boolean }) => {
    const { values } = configOf(command, 'capture');
    if (options.detach !== true) makeRuntimeDirs(values);
    const code = await runForeground(captureBinary(values), [
      ...captureArguments(values),
      ...(options.detach === true ? ['--detach'] : []),
    ]);
    if (code !== Exit.ok) throw new Failure(code, '');
  });
}

/** Runs a program on our terminal, passes signals on, and resolves to its exit code. */
async function runForeground(binary: string, args: readonly string[]): Promise<number> {
  const child = spawn(binary, args, { stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(new Failure(Exit.failure, spawnSentence(binary, error))));
      // A shell's convention for a program that a signal ended.
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}
