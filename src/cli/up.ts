import { Command } from 'commander';
import { CaptureKeeper } from './capture-keeper.js';
import { CollectorRoom } from './collector-room.js';
import { captureArguments, captureBinary, makeRuntimeDirs } from './native.js';
import { addConfigOptions, configOf } from './options.js';
import { StopSignal } from './stop-signal.js';
import { UpStatus } from './up-status.js';

const EXAMPLES = `
Ctrl-C or SIGTERM stops cleanly: the capture ends, what it had is brought into the store. A second one stops at once; nothing is lost then either,
the next start goes on. Without root everything is in directories of your own.

Examples:
  vslog up
  vslog up --source scripted --scripted-rate 100      made-up events, on any machine
  vslog up --data-dir /srv/vslog --on-exit keep       go on recording in the kernel after the end`;

const ADVICE =
  'What else to try: "vslog doctor" says what this machine lacks; "vslog up --source scripted" shows everything with made-up events; "npm run demo:vm" watches a real ip_vs in a virtual machine.';

export function upCommand(version: string): Command {
  const command = new Command('up').description('Record: capture, collector and store in the foreground.').addHelpText('after', EXAMPLES);
  addConfigOptions(command, 'up');
  return command.action(async () => {
    const config = configOf(command, 'up');
    // Who tries it in the foreground does not expect something to stay in the kernel.
    const onExit = config.origins['capture.on_exit'] === 'default' ? 'detach' : config.values['capture.on_exit'];
    const values = { ...config.values, 'capture.on_exit': onExit } as const;
    let keeper: CaptureKeeper | undefined;
    const stop = new StopSignal(() => keeper?.kill());
    makeRuntimeDirs(values);
    const room = await CollectorRoom.make(values, version);
    await room.start();
    const status = new UpStatus(() => room.status());
    status.say(`ready: collector at ${values['collector.api_socket']}, data in ${values['collector.data_dir']}`);
    keeper = new CaptureKeeper({
      binary: captureBinary(values),
      args: captureArguments(values),
      say: (line) => status.say(line),
      advice: ADVICE,
    });
    status.start();
    try {
      const signal = await Promise.race([stop.first, keeper.ended]);
      status.stop();
      status.say(`${signal ?? 'the capture ended'}: stopping`);
    } finally {
      status.stop();
      await keeper.stop();
      const drained = await room.stop();
      if (!drained) status.say('the store has not everything yet; the spool keeps the rest for the next start');
      stop.dispose();
    }
  });
}
