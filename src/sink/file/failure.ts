import { PlaceError } from '../../access/errors.js';
import { systemReason } from '../../text/system-error.js';

/** A file of the sink, or its folder, cannot be written or read. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  /** The system's name of the error, such as ENOSPC. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** A segment's content is not what it should be. */
export class UnreadableSegment extends Error {
  override readonly name = 'UnreadableSegment';
}

/** One sentence on why the folder cannot be used, and what to do. */
export function folderSentence(dir: string, error: unknown): string {
  if (error instanceof PlaceError) return `file.dir ${dir} cannot be used: ${error.message}`;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk of file.dir ${dir} is full: make room, or lower file.keep_bytes; nothing is lost meanwhile, events wait in the spool.`;
    case 'EACCES':
    case 'EPERM':
      return `file.dir ${dir} cannot be written (${code}): let the collector's user write there, or name another folder.`;
    case 'EEXIST':
      return `file.dir ${dir} is no folder: name another one.`;
    default: {
      const reason = systemReason(error);
      return reason === undefined
        ? `file.dir ${dir} cannot be used: ${message}.`
        : `file.dir ${dir} cannot be used: ${reason}; name another folder.`;
    }
  }
}
