import { chmodSync, chownSync } from 'node:fs';
import { PlaceError } from './errors.js';
import { otherGroup, readGroup, ruledMode } from './readers.js';

const SETGID = 0o2000;

/** The mode of a folder or file by the rule; folders hand another group on to what is made in them, by whichever library. */
export function modeByRule(mode: number, folder: boolean): number {
  return ruledMode(mode) | (folder && otherGroup() !== undefined ? SETGID : 0);
}

/** Gives something that is there the mode and the group of the rule. `mode`, `gid`: as it is. Returns whether anything was changed. Throws PlaceError, and the system's error. */
export function giveToReaders(path: string, { mode, gid }: { readonly mode: number; readonly gid: number }, folder: boolean): boolean {
  const wanted = modeByRule(mode, folder);
  const group = readGroup();
  const moves = group !== undefined && gid !== group;
  if (!moves && wanted === (mode & 0o7777)) return false;
  try {
    if (moves) chownSync(path, -1, group);
    chmodSync(path, wanted);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EPERM') throw error;
    throw new PlaceError(
      moves || wanted & SETGID
        ? `${path} cannot be given to group ${group}: make our user a member of collector.read_group, or, where its rights are limited (RestrictSUIDSGID of a unit), run vslog with that group as its own.`
        : `${path} belongs to somebody else and can be read by others: "chmod ${wanted.toString(8)} ${path}", or "chown" it to our user.`,
    );
  }
  return true;
}
