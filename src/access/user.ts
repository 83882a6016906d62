import { spawnSync } from 'node:child_process';
import { entryOf } from './names.js';

/** A user of this machine. */
export interface User {
  readonly name: string;
  readonly uid: number;
  /** Of the user's own group. */
  readonly gid: number;
}

/** The user of a name; undefined: there is none. */
export function findUser(name: string): User | undefined {
  const [, , uid = '', gid = ''] = entryOf('passwd', name) ?? [];
  return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? { name, uid: Number(uid), gid: Number(gid) } : undefined;
}

/** Goes on as another user, for good, with that one's groups and these. Only root can. Throws the system's error. */
export function becomeUser(user: User, groups: readonly number[]): void {
  if (process.setgroups === undefined || process.setgid === undefined || process.setuid === undefined)
    throw new Error('This system has no users to change to.');
  process.setgroups([...new Set([user.gid, ...groupsOf(user.name), ...groups])]);
  process.setgid(user.gid);
  process.setuid(user.uid);
}

/** The groups that a user is a member of, by number. */
function groupsOf(name: string): number[] {
  const { status, stdout } = spawnSync('id', ['-G', name], { encoding: 'utf8' });
  return status === 0
    ? stdout
        .split(/\s+/)
        .filter((gid) => gid !== '')
        .map(Number)
    : [];
}
