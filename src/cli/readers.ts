import { findGroup } from '../access/group.js';
import { admitReaders } from '../access/readers.js';
import { ConfigError } from '../config/errors.js';
import type { Values } from '../config/schema.js';

/** Lets those read that the configuration names, from now on, in this process. Throws ConfigError. */
export function admitConfigured(values: Values): void {
  const name = values['collector.read_group'];
  const gid = name === '' ? undefined : findGroup(name);
  if (name !== '' && gid === undefined)
    throw new ConfigError([
      `collector.read_group is ${JSON.stringify(name)}, which is no group of this machine: name one that exists, or its number.`,
    ]);
  admitReaders(gid);
}
