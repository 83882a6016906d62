import { CommanderError } from 'commander';
import { PlaceError } from '../access/errors.js';
import { ApiError, SocketError } from '../api/errors.js';
import { ConfigError } from '../config/errors.js';
import { SpoolInUseError } from '../spool/errors.js';
import { CaptureRefusal, ConnectionError, sentenceOf } from '../wire/errors.js';
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
  const { code, path } = (error instanceof Error ? error : {}) as NodeJS.ErrnoException;
  return code === 'EEXIST' && path !== undefined
    ? `${path}: something is there already. Remove it, or choose another path.`
    : sentenceOf(error);
}
