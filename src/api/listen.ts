import { chmod, chown, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { PlaceError } from '../access/errors.js';
import { makeRuntimeFolder } from '../access/place.js';
import { otherGroup, readGroup, socketMode } from '../access/readers.js';
import { systemReason } from '../text/system-error.js';
import { SocketError } from './errors.js';

/** Listens at a unix socket. The file of a server that is gone is replaced. Rejects with SocketError or PlaceError, one sentence. */
export async function listenUnix(server: Server, path: string): Promise<void> {
  try {
    makeRuntimeFolder(dirname(path), readGroup() !== undefined, false);
    await removeStale(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // The file is made for us alone: nobody else gets in before it has its group.
      const mask = process.umask(0o177);
      try {
        server.listen(path, () => {
          server.off('error', reject);
          resolve();
        });
      } finally {
        process.umask(mask);
      }
    });
    const group = otherGroup();
    if (group !== undefined) await chown(path, -1, group);
    await chmod(path, socketMode());
  } catch (error) {
    if (error instanceof SocketError || error instanceof PlaceError) throw error;
    throw new SocketError(`The socket ${path} cannot be listened at: ${reason(error)}; choose another by --api-socket.`, { cause: error });
  }
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) throw new SocketError(`${path} is there and is no socket: remove it, or choose another path by --api-socket.`);
  if (await answers(path))
    throw new SocketError(`The socket ${path} is in use by another collector: stop it first, or choose another path by --api-socket.`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A system's error in words. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such directory';
  return systemReason(error) ?? message;
}
