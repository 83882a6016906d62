import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The fields of a user or group of this machine, as /etc/passwd and /etc/group have them; undefined: there is none. */
export function entryOf(database: 'passwd' | 'group', name: string): readonly string[] | undefined {
  // getent knows those of a directory service, too; a small image may lack it.
  const { status, stdout } = spawnSync('getent', [database, name], { encoding: 'utf8' });
  const text = status === 0 ? stdout : readFileSync(`/etc/${database}`, 'utf8');
  return text
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':');
}
