import { CommanderError } from 'commander';
import { PlaceError } from '../access/errors.js';
import { ApiError, SocketError } from '../api/errors.js';
import { ConfigError } from '../config/errors.js';
import { SpoolInUseError } from '../spool/errors.js';
import { CaptureRefusal, ConnectionError } from '../wire/errors.js';
import { Exit } from './exit-codes.js';

/** A command ends without success: one sentence and an exit code. An empty message was said already. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exit: number;

  constructor(exit: number, message: string) {
    super(message);
    this.exit = exit;
  }
}

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exit;
  if (error instanceof ConfigError || error instanceof PlaceError) return Exit.usage;
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  if (error instanceof SocketError || error instanceof ConnectionError || error instanceof SpoolInUseError) return Exit.unreachable;
  if (error instanceof CaptureRefusal) return Exit.unreachable;
  if (error instanceof ApiError) return error.code === 'capture_unreachable' ? Exit.unreachable : Exit.failure;
  return Exit.failure;
}

/** What a person reads of an error. */
export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const at = path === undefined ? '' : ` ${path}`;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `Permission denied:${at || ` ${error.message}`}: run as its owner or as root, or choose another path.`;
    case 'ENOSPC':
      return `The disk is full:${at || ` ${error.message}`}.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${path ?? error.message}: a part of the path is no directory.`;
    case 'EROFS':
      return `${path ?? error.message}: the file system is read-only.`;
    default:
      return error.message;
  }
}
