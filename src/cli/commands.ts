import type { Command } from 'commander';

/** A command, what the list of all says of it, and how it is loaded. */
export interface CommandEntry {
  readonly name: string;
  /** As the command itself says. */
  readonly description: string;
  /** `words`: those of the command line, of which a command of many commands may load only what they name. */
  readonly load: (version: string, words: readonly string[]) => Promise<Command>;
}

/** Every command, in the order of the help. Each is loaded by itself: all of them together take five times as long to start. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'up',
    description: 'Record: capture, collector and store in the foreground.',
    load: async (version) => (await import('./up.js')).upCommand(version),
  },
  {
    name: 'capture',
    description: 'Run vslog-capture, the privileged half, in the foreground.',
    load: async () => (await import('./capture.js')).captureCommand(),
  },
  {
    name: 'collect',
    description: 'Run the collector, store and API, the unprivileged half, in the foreground.',
    load: async (version) => (await import('./collect.js')).collectCommand(version),
  },
  {
    name: 'tail',
    description: 'Show events as they happen.',
    load: async () => (await import('./tail.js')).tailCommand(),
  },
  {
    name: 'sql',
    description: 'Ask the store: the query is the argument, or standard input; on a terminal without one, a shell.',
    load: async () => (await import('./sql.js')).sqlCommand(),
  },
  {
    name: 'report',
    description: 'Questions that the log answers, ready to ask.',
    load: async () => (await import('./report.js')).reportCommand(),
  },
  {
    name: 'conn',
    description: 'The live connections: list them, end them. Source conntrack only lists.',
    load: async () => (await import('./conn.js')).connCommand(),
  },
  {
    name: 'status',
    description: 'How the collector, its capture, spool, sinks and store are.',
    load: async () => (await import('./status.js')).statusCommand(),
  },
  {
    name: 'console',
    description: 'Open the web console: print a link that works once.',
    load: async () => (await import('./console.js')).consoleCommand(),
  },
  {
    name: 'vs',
    description: "The balancer's virtual services, of the kernel and of source engine alike.",
    load: async () => (await import('./service/vs.js')).vsCommand(),
  },
  {
    name: 'rs',
    description: 'Real servers: list, add, change, drain, remove them, of the kernel and of source engine alike.',
    load: async () => (await import('./service/rs.js')).rsCommand(),
  },
  {
    name: 'knob',
    description: 'What of a balancer can be turned: show it, turn it, see who turned it.',
    load: async (_version, words) => (await import('./knob/index.js')).knobCommand(words),
  },
  {
    name: 'verify',
    description: 'Prove that nothing is missing: checksums, sequences, losses, and every sink against the spool.',
    load: async (version) => (await import('./verify.js')).verifyCommand(version),
  },
  {
    name: 'replay',
    description: 'Bring what is in the spool to a sink once more; what it has stays as it is.',
    load: async (version) => (await import('./replay.js')).replayCommand(version),
  },
  {
    name: 'erase',
    description: 'Take the connections of a person out of store, spool and files, for good.',
    load: async (version) => (await import('./erase/index.js')).eraseCommand(version),
  },
  {
    name: 'doctor',
    description: 'Check what this machine has of what vslog needs.',
    load: async (version) => (await import('./doctor.js')).doctorCommand(version),
  },
  {
    name: 'clock',
    description: "The collector's clock, by which the store removes what is too old: show it, accept it.",
    load: async () => (await import('./clock.js')).clockCommand(),
  },
  {
    name: 'config',
    description: 'Check, show and explain the configuration.',
    load: async () => (await import('./config.js')).configCommand(),
  },
  {
    name: 'sink',
    description: 'Prepare and check the places that events are delivered to.',
    load: async (version) => (await import('./sink.js')).sinkCommand(version),
  },
  {
    name: 'subscriber',
    description: 'For whom the capture keeps events: list them, give one up.',
    load: async () => (await import('./subscriber.js')).subscriberCommand(),
  },
  {
    name: 'key',
    description: 'The key of hashed addresses (capture.client_address = "hash"): change it, and hash an address.',
    load: async () => (await import('./key/index.js')).keyCommand(),
  },
  {
    name: 'completion',
    description: 'A script that completes commands, options, knobs and their values in a shell.',
    load: async () => (await import('./completion.js')).completionCommand(),
  },
];

/** Those that a command line may run: whose names stand in it, wherever. For the help, a mistyped name and the completion the names of the others do. */
export function needed(words: readonly string[]): readonly CommandEntry[] {
  return commands.filter(({ name }) => words.includes(name));
}
