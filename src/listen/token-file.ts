import { ConfigError } from '../config/errors.js';
import type { Key as Option } from '../config/schema.js';
import { readSecretFile } from '../config/secret.js';
import { type Key, keyOf } from './keyring.js';

/** Shorter ones can be tried out. */
const SHORTEST = 16;
const LINE = /^(?:([A-Za-z0-9._-]{1,48})[ \t]+)?([\x21-\x7e]+)$/;
/** With what it lets do. A token alone cannot have it, since its second word would be one. */
const WITH_RIGHT = /^([A-Za-z0-9._-]{1,48})[ \t]+([\x21-\x7e]+)[ \t]+(read|operate)$/;

/**
 * Reads lines `NAME TOKEN`, `NAME TOKEN read`, or `TOKEN` alone, whose name is then `token`; empty lines and # comments are left out. Without `read` a token operates, and reads.
 * None without a path. Throws ConfigError.
 */
export function readTokenFile(option: Option, path: string): readonly Key[] {
  if (path === '') return [];
  const keys: Key[] = [];
  for (const [i, raw] of readSecretFile(option, path, 'operate').toString('utf8').split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name = 'token', token, right = 'operate'] = WITH_RIGHT.exec(line) ?? LINE.exec(line) ?? [];
    // The line itself is not shown: it holds a secret.
    if (token === undefined)
      throw new ConfigError([
        `${option}: line ${i + 1} of ${path} must be NAME TOKEN, or NAME TOKEN read: a name of A-Z a-z 0-9 . _ -, a blank, and the token.`,
      ]);
    if (token.length < SHORTEST)
      throw new ConfigError([
        `${option}: the token in line ${i + 1} of ${path} has ${token.length} characters: it must have ${SHORTEST} at least.`,
      ]);
    if (keys.some(({ holder }) => holder.name === name))
      throw new ConfigError([`${option}: line ${i + 1} of ${path} has the name ${name} a second time.`]);
    keys.push(keyOf(name, token, right === 'operate'));
  }
  if (keys.length === 0) throw new ConfigError([`${option} names ${path}, which holds no token: put a line NAME TOKEN there.`]);
  return keys;
}
