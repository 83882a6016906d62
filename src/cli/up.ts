import { Command } from 'commander';
import type { ConsoleLink } from '../api/console-link.js';
import type { StatusDocument } from '../api/status.js';
import { CaptureKeeper } from './capture-keeper.js';
import { ADVICE, chooseSource } from './capture-source.js';
import { CollectorChild } from './collector-child.js';
import { CollectorRoom } from './collector-room.js';
import { chooseUser, keepersOf } from './collector-user.js';
import { consoleText, nextSteps, sourceText } from './demo-text.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { captureArguments, captureBinary, captureFeed, collectorArguments, makeRuntimeDirs } from './native.js';
import { addConfigOptions, addServiceOptions, configOf } from './options.js';
import { note } from './output.js';
import { admitConfigured } from './readers.js';
import { endAtOnceUntilStarted, StopSignal } from './stop-signal.js';
import { balancedText } from './up-services.js';
import { UpStatus } from './up-status.js';

const EXAMPLES = `
Watches the kernel's balancer where there is one and we may, else the kernel's connection tracking where that is in use and we may. Anywhere else a balancer of vslog's
own runs, which needs no privileges: with the services given by --service or in the configuration, or with a small demonstration.

Ctrl-C or SIGTERM stops cleanly: the capture ends, what it had is brought into the store, for collector.drain at most. What is left is said, waits in the spool, and
is delivered by the next start; the exit code is 8 then. A second one, or one before it was ready, stops at once; nothing is lost then either. Without root everything is in directories of your own.

Examples:
  vslog up
  vslog up --source engine --service tcp://127.0.0.1:8080 --scheduler wrr --real 127.0.0.1:9001,weight=2 --real 127.0.0.1:9002
  vslog up --source engine --load --load-rate 10000       synthetic connections
  vslog up --source conntrack --conntrack-protocol tcp    the flows of NAT rules, of a firewall, of IPVS with conntrack
  vslog up --data-dir /srv/vslog --on-exit keep           go on recording in the kernel after the end`;

/** The collector, in this process or beside it. */
interface CollectorSide {
  /** Rejects when it ends unasked. */
  readonly ended: Promise<void>;
  /** Resolves to what a person should know. Rejects with a sentence, and holds nothing then. */
  start(): Promise<readonly string[]>;
  status(): Promise<StatusDocument>;
  /** A link that opens the console once, for so many seconds; undefined: there is no console. */
  consoleLink(seconds: number): Promise<ConsoleLink | undefined>;
  /** Resolves to whether every sink has everything; what one has not is said to `tell`, and from time to time how much is left. */
  stop(tell: (line: string) => void): Promise<boolean>;
  /** At once. */
  kill(): void;
}

/** How long the link to the console works that is printed at the start, s. */
const LINK_S = 600;

export function upCommand(version: string): Command {
  const command = new Command('up').description('Record: capture, collector and store in the foreground.').addHelpText('after', EXAMPLES);
  addServiceOptions(addConfigOptions(command, 'up'));
  return command.action(async () => {
    const given = configOf(command, 'up');
    // Who tries it in the foreground does not expect something to stay in the kernel.
    const onExit = given.origins['capture.on_exit'] === 'default' ? 'detach' : given.values['capture.on_exit'];
    const config = { ...given, values: { ...given.values, 'capture.on_exit': onExit } as const };
    admitConfigured(config.values);
    const { user, notes } = chooseUser(config, true);
    // For that user the capture keeps events.
    const group = user === undefined ? {} : { 'capture.collector_group': keepersOf(config.values, user) };
    const values = { ...config.values, ...group };
    let keeper: CaptureKeeper | undefined;
    let complete = true;
    let collectorIsGone = false;
    const started = endAtOnceUntilStarted();
    for (const line of config.notes) note(line);
    const chosen = await chooseSource({ ...config, values });
    for (const line of notes) note(line);
    try {
      makeRuntimeDirs(values);
      const collector: CollectorSide =
        user === undefined ? await CollectorRoom.make(config, version) : new CollectorChild(config, user, note);
      for (const line of await collector.start()) note(line);
      started();
      const stop = new StopSignal(() => {
        keeper?.kill();
        collector.kill();
      });
      const status = new UpStatus(() => collector.status());
      const who = user === undefined ? '' : `, as user ${user.name}`;
      status.say(`ready: collector at ${values['collector.api_socket']}, data in ${values['collector.data_dir']}${who}`);
      for (const line of sourceText(chosen)) status.say(line);
      const link = await collector.consoleLink(LINK_S);
      if (link !== undefined) status.say(consoleText(link));
      let greeted = false;
      keeper = new CaptureKeeper({
        binary: captureBinary(values),
        feed: captureFeed(chosen.plan),
        args: [...captureArguments(chosen.plan), ...collectorArguments(values, user?.uid ?? process.geteuid?.() ?? 0)],
        say: (line) => status.say(line),
        onReady: () => {
          if (greeted) return;
          greeted = true;
          chosen.demonstration?.begin();
          const steps = nextSteps(config, chosen, { sql: values['store.kind'] !== 'none' });
          const balanced = chosen.plan.source === 'conntrack' ? Promise.resolve([]) : balancedText(values['capture.socket']);
          void balanced.then((lines) => {
            if (lines.length > 0) status.say(lines.join('\n'));
            status.say('ready: connections are recorded');
            if (steps.length > 0) status.say(['Try next, in another terminal:', ...steps.map((step) => `  ${step}`)].join('\n'));
          });
        },
        advice: ADVICE,
        handOverMs: values['collector.drain'],
      });
      status.start();
      try {
        const gone = collector.ended.finally(() => {
          collectorIsGone = true;
        });
        const signal = await Promise.race([stop.first, keeper.ended, gone]);
        status.stop();
        status.say(`${signal ?? 'the capture ended'}: stopping`);
      } finally {
        status.stop();
        const handedOver = await keeper.stop(collectorIsGone);
        const delivered = await collector.stop((line) => status.say(line));
        stop.dispose();
        complete = handedOver && delivered;
      }
    } finally {
      await chosen.demonstration?.stop();
    }
    // What is left was said.
    if (!complete) throw new Failure(Exit.behind, '');
  });
}
