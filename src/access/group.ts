import { entryOf } from './names.js';

/** The number of a group by its name or number; undefined: there is none. */
export function findGroup(name: string): number | undefined {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  const gid = entryOf('group', name)?.[2];
  return gid === undefined || !/^\d+$/.test(gid) ? undefined : Number(gid);
}
