/** What the system's errors mean, in the one place for every file, folder and socket. What to do comes after the colon. */
const REASONS: Readonly<Record<string, readonly [reason: string, advice: string]>> = {
  EACCES: ['permission denied', 'run as its owner or as root, or choose another path'],
  EPERM: ['permission denied', 'run as its owner or as root, or choose another path'],
  EROFS: ['the file system is read-only', 'choose another path, or mount it to be written'],
  ENOSPC: ['the disk is full', 'make room, or choose another path'],
  EDQUOT: ["the user's disk quota is used up", 'make room, or choose another path'],
  EMFILE: ['this process has as many files open as it may have', 'allow more by ulimit -n, or LimitNOFILE= of its unit'],
  ENFILE: ['this machine has as many files open as it may have', 'allow more by sysctl fs.file-max'],
  ENAMETOOLONG: ['the path is too long', 'choose a shorter one; that of a socket has 107 bytes at most'],
  ELOOP: ['the path leads in a circle of links', 'remove one of them, or choose another path'],
  ENOTDIR: ['a part of the path is no folder', 'choose another path'],
  ENOENT: ['there is no such file or folder', 'check the path'],
  EISDIR: ['a folder is there, and no file', 'choose another path'],
  EEXIST: ['something is there already', 'remove it, or choose another path'],
  ENODEV: ['nothing can be kept there', 'choose another path'],
  EIO: ['the disk cannot be read or written', 'look at the kernel log'],
};

/** A system's error in a few words: `the file system is read-only`. Undefined: it is none that is known here. */
export function systemReason(error: unknown): string | undefined {
  return REASONS[codeOf(error)]?.[0];
}

/** A system's error as a sentence: what, where, what to do. Undefined: it is none that is known here. */
export function systemSentence(error: unknown): string | undefined {
  const [reason, advice] = REASONS[codeOf(error)] ?? [];
  if (reason === undefined || advice === undefined) return undefined;
  const { path, message } = error as NodeJS.ErrnoException;
  return `${path ?? message}: ${reason}. ${advice.charAt(0).toUpperCase()}${advice.slice(1)}.`;
}

function codeOf(error: unknown): string {
  const { code } = (error instanceof Error ? error : {}) as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : '';
}
