import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The number of a group by its name or number; undefined: there is none. */
export function findGroup(name: string): number | undefined {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  // getent knows the groups of a directory service, too; a small image may lack it.
  const { status, stdout } = spawnSync('getent', ['group', name], { encoding: 'utf8' });
  const text = status === 0 ? stdout : readFileSync('/etc/group', 'utf8');
  const gid = text
    .split('\n')
    .find((line) => line.startsWith(`${name}:`))
    ?.split(':')[2];
  return gid === undefined || !/^\d+$/.test(gid) ? undefined : Number(gid);
}
