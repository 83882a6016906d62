import { readFileSync } from 'node:fs';
import { ConfigError } from './errors.js';
import type { Key } from './schema.js';

/** What is in the file that an option names. Throws ConfigError when it cannot be read. */
export function readNamedFile(option: Key, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : message;
    throw new ConfigError([`${option} names ${path}, but ${reason}.`]);
  }
}

/** The first line of the file that an option names; undefined when it names none. Throws ConfigError when the file cannot be read or has no first line. */
export function readSecret(option: Key, path: string): string | undefined {
  if (path === '') return undefined;
  const [secret = ''] = readNamedFile(option, path).split(/\r?\n/);
  if (secret === '') throw new ConfigError([`${option} names ${path}, whose first line is empty: put the secret there.`]);
  return secret;
}
