// Takes an answer from the engine through a pipe, so that its bytes are counted before they are anywhere else. Plain JavaScript, as engine-child.mjs is.
import { closeSync, constants, openSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { Socket } from 'node:net';

export class OverQuota extends Error {
  name = 'OverQuota';
}

export class NotKept extends Error {
  name = 'NotKept';
}

/**
 * @param {import('./collect.mjs').Target} target
 * @param {() => void} onStopped
 */
export function collect({ pipe, path, quota, memory }, onStopped) {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
  const reader = new Socket({ fd: openSync(pipe, O_RDONLY | O_NONBLOCK), readable: true, writable: false });
  // Our own end for writing: without it the pipe would be at its end before the engine has opened it.
  let hold = openSync(pipe, O_WRONLY | O_NONBLOCK);
  const release = () => {
    if (hold >= 0) closeSync(hold);
    hold = -1;
  };
  const take = async () => {
    const chunks = [];
    let size = 0;
    let file;
    try {
      for await (const chunk of reader) {
        size += chunk.length;
        if (size > quota) throw new OverQuota('The answer is too large.');
        if (file === undefined) chunks.push(chunk);
        else await file.appendFile(chunk);
        if (file === undefined && size > memory) {
          file = await open(path, 'wx', 0o600);
          await file.appendFile(Buffer.concat(chunks.splice(0)));
        }
      }
    } finally {
      await file?.close();
    }
    return { size, bytes: file === undefined ? Buffer.concat(chunks) : undefined };
  };
  const taken = take().catch(async (error) => {
    // The engine's next write fails, instead of waiting for ever.
    reader.destroy();
    release();
    onStopped();
    await rm(path, { force: true });
    throw error instanceof OverQuota ? error : new NotKept(error.message);
  });
  taken.catch(() => undefined);
  return {
    end() {
      release();
      return taken;
    },
    async cancel() {
      release();
      await taken.then(
        () => rm(path, { force: true }),
        () => undefined,
      );
    },
  };
}
