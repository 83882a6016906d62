import type { Command } from 'commander';

/** A command, and how it is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly load: (version: string) => Promise<Command>;
}

/** Every command, in the order of the help. Each is loaded by itself: all of them together take three times as long to start. */
export const commands: readonly CommandEntry[] = [
  { name: 'up', load: async (version) => (await import('./up.js')).upCommand(version) },
  { name: 'capture', load: async () => (await import('./capture.js')).captureCommand() },
  { name: 'collect', load: async (version) => (await import('./collect.js')).collectCommand(version) },
  { name: 'tail', load: async () => (await import('./tail.js')).tailCommand() },
  { name: 'sql', load: async () => (await import('./sql.js')).sqlCommand() },
  { name: 'report', load: async () => (await import('./report.js')).reportCommand() },
  { name: 'conn', load: async () => (await import('./conn.js')).connCommand() },
  { name: 'status', load: async () => (await import('./status.js')).statusCommand() },
  { name: 'console', load: async () => (await import('./console.js')).consoleCommand() },
  { name: 'vs', load: async () => (await import('./service/vs.js')).vsCommand() },
  { name: 'rs', load: async () => (await import('./service/rs.js')).rsCommand() },
  { name: 'knob', load: async () => (await import('./knob/index.js')).knobCommand() },
  { name: 'verify', load: async (version) => (await import('./verify.js')).verifyCommand(version) },
  { name: 'replay', load: async (version) => (await import('./replay.js')).replayCommand(version) },
  { name: 'erase', load: async (version) => (await import('./erase/index.js')).eraseCommand(version) },
  { name: 'doctor', load: async (version) => (await import('./doctor.js')).doctorCommand(version) },
  { name: 'config', load: async () => (await import('./config.js')).configCommand() },
  { name: 'sink', load: async (version) => (await import('./sink.js')).sinkCommand(version) },
  { name: 'subscriber', load: async () => (await import('./subscriber.js')).subscriberCommand() },
  { name: 'key', load: async () => (await import('./key/index.js')).keyCommand() },
  { name: 'completion', load: async () => (await import('./completion.js')).completionCommand() },
];

/** Those that a command line needs: the one that it names, or all, where it names none or asks what there is; none for the version. */
export function needed(argument: string | undefined): readonly CommandEntry[] {
  if (argument === '--version' || argument === '-V') return [];
  const named = commands.filter(({ name }) => name === argument && name !== 'completion');
  return named.length > 0 ? named : commands;
}
