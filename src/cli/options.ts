import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { folderAt } from '../access/place.js';
import { type Config, loadConfig } from '../config/load.js';
import type { CommandName } from '../config/option.js';
import { type Key, keys, optionOf, realSchema, serviceSchema } from '../config/schema.js';
import type { ServiceFlag } from '../config/services.js';
import { asConfigured } from './help.js';

const ARGUMENT = {
  string: 'TEXT',
  path: 'PATH',
  endpoint: 'ADDRESS',
  int: 'N',
  bytes: 'SIZE',
  room: 'SIZE|N%',
  duration: 'TIME',
  bool: 'BOOL',
  enum: 'WORD',
} as const;

/** Keys of the configuration that a command takes as flags. */
export function keysOf(name: CommandName): Key[] {
  return keys.filter((key) => optionOf(key).commands.includes(name));
}

/** Adds --config and the command's flags of the configuration; of one table only, where that is named. They are read by configOf(). */
export function addConfigOptions(command: Command, name: CommandName, table?: string): Command {
  command.option('-c, --config <FILE>', 'the TOML file (default: $VSLOG_CONFIG, or /etc/vslog/vslog.toml when it is there)');
  for (const key of keysOf(name).filter((one) => table === undefined || one.startsWith(`${table}.`))) {
    const { type, flag, doc, values } = optionOf(key);
    const argument = values === undefined ? ARGUMENT[type] : values.join('|');
    command.addOption(
      asConfigured(type === 'bool' ? new Option(`--${flag} [BOOL]`, doc).preset('true') : new Option(`--${flag} <${argument}>`, doc)),
    );
  }
  return command;
}

/** What --service, --real, ... and --knob were given, by command. */
const given = new WeakMap<Command, { services: ServiceFlag[]; knobs: string[] }>();

/** Adds the flags of the engine's virtual services and knobs, in whose order there is a meaning. They are read by configOf(). */
export function addServiceOptions(command: Command): Command {
  const lists: { services: ServiceFlag[]; knobs: string[] } = { services: [], knobs: [] };
  given.set(command, lists);
  const { at, scheduler, persistent, netmask, one_packet: onePacket } = serviceSchema;
  const listen = (flag: string, take: (value: string) => void): void => {
    command.on(`option:${flag}`, take);
  };
  command.addOption(
    new Option(`--${at.flag} <ADDRESS>`, `a virtual service of source engine; the flags below belong to the one before them. ${at.doc}`),
  );
  command.addOption(
    new Option(
      `--${scheduler.flag} <WORD>`,
      `${scheduler.doc} ${scheduler.values?.join(', ')} (default: ${scheduler.default({ root: false, uid: 0, home: '', env: {} })})`,
    ),
  );
  command.addOption(new Option(`--${persistent.flag} <SECONDS>`, persistent.doc));
  command.addOption(new Option(`--${netmask.flag} <MASK>`, netmask.doc));
  command.addOption(new Option(`--${onePacket.flag}`, onePacket.doc));
  command.addOption(
    new Option(`--${realSchema.at.flag} <ADDRESS:PORT[,weight=N][,upper=N][,lower=N]>`, 'a real server of the service; repeatable'),
  );
  command.addOption(new Option('--knob <NAME=VALUE>', "a knob of source engine, by the kernel's name; repeatable"));
  for (const { flag } of [at, scheduler, persistent, netmask, realSchema.at]) listen(flag, (value) => lists.services.push({ flag, value }));
  listen(onePacket.flag, () => lists.services.push({ flag: onePacket.flag, value: 'true' }));
  listen('knob', (value) => lists.knobs.push(value));
  return command;
}

/** The effective configuration of a command that was parsed. Throws ConfigError. */
export function configOf(command: Command, name: CommandName): Config {
  const options = command.opts<Record<string, unknown>>();
  const flags: Partial<Record<Key, unknown>> = {};
  for (const key of keysOf(name)) {
    const value = options[new Option(`--${optionOf(key).flag} <X>`).attributeName()];
    if (value !== undefined) flags[key] = value;
  }
  const lists = given.get(command);
  const config = loadConfig({
    file: options.config as string | undefined,
    flags,
    serviceFlags: lists?.services ?? [],
    knobFlags: lists?.knobs ?? [],
  });
  checkDefaultPlace(config);
  return config;
}

/** Without a runtime directory of the user's own, sockets are in the temporary directory: what somebody else made there is neither used nor asked. Throws PlaceError. */
function checkDefaultPlace({ values, origins }: Config): void {
  for (const key of ['capture.socket', 'collector.api_socket'] as const) if (origins[key] === 'default') folderAt(dirname(values[key]));
}
