import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { readGroup } from '../access/readers.js';
import { ConfigError } from './errors.js';
import type { Key } from './schema.js';

/** What is in the file that an option names. Throws ConfigError when it cannot be read. */
export function readNamedFile(option: Key, path: string): Buffer {
  return readOpened(option, path, () => undefined);
}

/** What a secret is for. `operate`: to change something, so that the readers' group may not have it; `client`: for a person's own use, whose groups are his matter. */
export type SecretUse = 'read' | 'operate' | 'client';

/** As readNamedFile(), of a token, password or key. Throws ConfigError also when somebody may read or change it who is not of the rule of src/access. */
export function readSecretFile(option: Key | `--${string}`, path: string, use: SecretUse = 'read'): Buffer {
  return readOpened(option, path, (file) => {
    const stats = fstatSync(file);
    const wrong = secretFlaw(stats, use);
    if (wrong === undefined) return;
    const { mode, uid } = stats;
    const kept = (mode & 0o040) !== 0 && groupFlaw(stats, use) === undefined ? 0o750 : 0o700;
    const ours = process.geteuid?.();
    const chown = uid === ours || kept === 0o750 ? '' : `"chown ${ours} ${path}" and `;
    throw new ConfigError([`${option} names ${path}, which ${wrong}: ${chown}"chmod ${(mode & kept).toString(8)} ${path}".`]);
  });
}

/** What is wrong with the rights to a file that holds a secret, as the end of a sentence; undefined when nothing is. */
function secretFlaw(stats: Stats, use: SecretUse): string | undefined {
  if ((stats.mode & 0o004) !== 0) return 'everybody on this machine may read';
  if ((stats.mode & 0o022) !== 0) return 'others than its owner may change';
  return groupFlaw(stats, use);
}

/** A group may read it that is our own, as in a container, or that of the readers. Root asks for others, too, whose groups it does not know. */
function groupFlaw({ mode, uid, gid }: Stats, use: SecretUse): string | undefined {
  if ((mode & 0o040) === 0 || use === 'client' || (process.geteuid?.() === 0 && uid !== 0)) return undefined;
  if (use === 'operate' && gid === readGroup()) return 'the members of collector.read_group may read, who may not change anything';
  if (gid === process.getegid?.() || gid === readGroup()) return undefined;
  return `group ${gid} may read, which is neither our own nor collector.read_group`;
}

/** The first line of the file that an option names; undefined when it names none. Throws ConfigError when the file cannot be read, is open to others, or has no first line. */
export function readSecret(option: Key, path: string): string | undefined {
  if (path === '') return undefined;
  const [secret = ''] = readSecretFile(option, path).toString('utf8').split(/\r?\n/);
  if (secret === '') throw new ConfigError([`${option} names ${path}, whose first line is empty: put the secret there.`]);
  return secret;
}

/** `check`: of the open file, so that it is the one that is read. */
function readOpened(option: string, path: string, check: (file: number) => void): Buffer {
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
