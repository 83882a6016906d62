import { readFileSync } from 'node:fs';

const NOT_KNOWN = 0xffff_ffff;

/** Names of users by their numbers, as this machine has them. */
export function userNames(passwd = '/etc/passwd'): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  let text = '';
  try {
    text = readFileSync(passwd, 'utf8');
  } catch {
    // Without the file there are only numbers.
  }
  for (const line of text.split('\n')) {
    const [, name, uid] = /^([^:#]+):[^:]*:(\d+):/.exec(line) ?? [];
    // The first one is the user's name to the C library, too.
    if (name !== undefined && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

/** `root`, `uid 1234`; undefined when it is not known who. */
export function userText(names: ReadonlyMap<number, string>, uid: number): string | undefined {
  return uid === NOT_KNOWN ? undefined : (names.get(uid) ?? `uid ${uid}`);
}
