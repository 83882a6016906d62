import { readFileSync } from 'node:fs';
import { ConfigError } from './errors.js';
import type { Key } from './schema.js';

/** The first line of the file that an option names; undefined when it names none. Throws ConfigError when the file cannot be read or has no first line. */
export function readSecret(option: Key, path: string): string | undefined {
  if (path === '') return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : message;
    throw new ConfigError([`${option} names ${path}, but ${reason}.`]);
  }
  const [secret = ''] = text.split(/\r?\n/);
  if (secret === '') throw new ConfigError([`${option} names ${path}, whose first line is empty: put the secret there.`]);
  return secret;
}
