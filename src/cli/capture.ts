import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { plainText } from '../text/plain.js';
import { type CaptureCommand, spawnCapture } from './capture-process.js';
import { chooseSource } from './capture-source.js';
import { nextSteps, sourceText } from './demo-text.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { captureArguments, captureBinary, captureFeed, makeRuntimeDirs, spawnSentence } from './native.js';
import { addConfigOptions, addServiceOptions, configOf } from './options.js';
import { note } from './output.js';
import { STOP_SIGNALS } from './stop-signal.js';

const EXAMPLES = `
Examples:
  vslog capture --journal-size 1G --node lb1
  vslog capture --source engine --service udp://127.0.0.1:5353 --scheduler rr --real 127.0.0.1:5301 --real 127.0.0.1:5302
  vslog capture --source conntrack --conntrack-address 10.0.0.0/8
  vslog capture --source scripted --scripted-rate 10
  vslog capture --detach        take the programs out of the kernel, and end`;

export function captureCommand(): Command {
  const command = new Command('capture')
    .description('Run vslog-capture, the privileged half, in the foreground.')
    .option('--detach', 'remove what an earlier capture left in the kernel, and end')
    .addHelpText('after', EXAMPLES);
  addServiceOptions(addConfigOptions(command, 'capture'));
  return command.action(async (options: { detach?: boolean }) => {
    const config = configOf(command, 'capture');
    const { values } = config;
    const binary = captureBinary(values);
    if (options.detach === true) {
      const args = captureArguments({ values, source: 'ipvs', services: [], knobs: [] });
      return finish(await runForeground({ binary, args: [...args, '--detach'], feed: '' }, () => undefined));
    }
    for (const line of config.notes) note(line);
    const chosen = await chooseSource(config);
    try {
      makeRuntimeDirs(values);
      for (const line of sourceText(chosen)) note(line);
      const command = { binary, args: captureArguments(chosen.plan), feed: captureFeed(chosen.plan) };
      const code = await runForeground(command, () => {
        chosen.demonstration?.begin();
        for (const line of nextSteps(config, chosen, { sql: false })) note(`Try next, in another terminal: ${line}`);
      });
      finish(code);
    } finally {
      await chosen.demonstration?.stop();
    }
  });
}

function finish(code: number): void {
  if (code !== Exit.ok) throw new Failure(code, '');
}

/** Runs a program on our terminal, passes signals on, and resolves to its exit code. Its standard input ends with us. */
async function runForeground(command: CaptureCommand, onReady: () => void): Promise<number> {
  const child = spawnCapture(command, { stderr: 'inherit', detached: false });
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      process.stdout.write(`${plainText(line)}\n`);
      if (line.startsWith('ready:')) onReady();
    });
  }
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of STOP_SIGNALS) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(new Failure(Exit.failure, spawnSentence(command.binary, error))));
      // A shell's convention for a program that a signal ended.
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, forward);
  }
}
