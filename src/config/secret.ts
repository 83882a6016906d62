import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { ConfigError } from './errors.js';
import type { Key } from './schema.js';

/** What is in the file that an option names. Throws ConfigError when it cannot be read. */
export function readNamedFile(option: Key, path: string): Buffer {
  return readOpened(option, path, () => undefined);
}

/** As readNamedFile(), of a token, password or key. Throws ConfigError also when others than its owner and its group may read or change it. */
export function readSecretFile(option: Key, path: string): Buffer {
  return readOpened(option, path, (file) => {
    const { mode } = fstatSync(file);
    const wrong = secretFlaw(mode);
    if (wrong !== undefined)
      throw new ConfigError([`${option} names ${path}, which ${wrong}: "chmod ${(mode & 0o750).toString(8)} ${path}".`]);
  });
}

/** What is wrong with the mode of a file that holds a secret, as the end of a sentence; undefined when nothing is. */
function secretFlaw(mode: number): string | undefined {
  if ((mode & 0o004) !== 0) return 'everybody on this machine may read';
  if ((mode & 0o022) !== 0) return 'others than its owner may change';
  return undefined;
}

/** The first line of the file that an option names; undefined when it names none. Throws ConfigError when the file cannot be read, is open to others, or has no first line. */
export function readSecret(option: Key, path: string): string | undefined {
  if (path === '') return undefined;
  const [secret = ''] = readSecretFile(option, path).toString('utf8').split(/\r?\n/);
  if (secret === '') throw new ConfigError([`${option} names ${path}, whose first line is empty: put the secret there.`]);
  return secret;
}

/** `check`: of the open file, so that it is the one that is read. */
function readOpened(option: Key, path: string, check: (file: number) => void): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    check(file);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : message;
    throw new ConfigError([`${option} names ${path}, but ${reason}.`]);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
