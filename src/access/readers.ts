import { type FileHandle, open } from 'node:fs/promises';

/*
 * Who may read what vslog writes: the user that it runs as, and the members of one group where collector.read_group names one. Nobody else. The rule for files, folders and sockets is
 * here alone.
 */

let group: number | undefined;

/** Sets the rule of this process. The umask backs it up where others make the files: the ClickHouse engine, a library. */
export function admitReaders(gid: number | undefined): void {
  group = gid;
  process.umask(gid === undefined ? 0o077 : 0o027);
}

/** The group whose members may read; undefined: none. */
export function readGroup(): number | undefined {
  return group;
}

export function fileMode(): number {
  return group === undefined ? 0o600 : 0o640;
}

export function folderMode(): number {
  return group === undefined ? 0o700 : 0o750;
}

/** Whoever may read what was logged may ask for it. */
export function socketMode(): number {
  return group === undefined ? 0o600 : 0o660;
}

/** The group's files are not those of our own group: then they must be given to it. */
export function otherGroup(): number | undefined {
  return group === process.getegid?.() ? undefined : group;
}

/** The mode that something of ours must have whose mode is `mode`: the owner's rights stay, the group reads what the owner reads. */
export function ruledMode(mode: number): number {
  const owner = mode & 0o700;
  return group === undefined ? owner : owner | ((owner & 0o500) >> 3);
}

/** Opens a file to be written, which is made for those who may read it. Rejects with the system's error. */
export async function openToWrite(path: string, flags: 'w' | 'a' | 'a+'): Promise<FileHandle> {
  const file = await open(path, flags, fileMode());
  try {
    const wanted = otherGroup();
    if (wanted !== undefined && (await file.stat()).gid !== wanted) await file.chown(-1, wanted);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opens a file to be written that is ours alone, whoever may read the log. Rejects with the system's error. */
export async function openPrivate(path: string): Promise<FileHandle> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.chmod(0o600);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
