import { CaptureRefusal, ConnectionError } from '../wire/errors.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

const EPERM = 1;
const EOPNOTSUPP = 95;

/** Gives what the capture says no to an exit code of its own. */
export function explained(error: unknown): unknown {
  if (error instanceof CaptureRefusal) {
    return new Failure(error.code === EPERM ? Exit.denied : error.code === EOPNOTSUPP ? Exit.refused : Exit.failure, error.message);
  }
  if (error instanceof ConnectionError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EACCES') {
    return new Failure(Exit.denied, error.message);
  }
  return error;
}
