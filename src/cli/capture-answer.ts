import { CaptureClient, type Welcome } from '../wire/client.js';
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

/** One session with the capture for a command; a refusal becomes its exit code. */
export async function withCapture(
  path: string,
  software: string,
  action: (client: CaptureClient, welcome: Welcome) => Promise<void>,
): Promise<void> {
  const client = new CaptureClient({ path, software });
  try {
    await action(client, await client.connect());
  } catch (error) {
    throw explained(error);
  } finally {
    client.close();
  }
}
