import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ApiClient } from '../../../src/api/client.js';
import { SocketError } from '../../../src/api/errors.js';
import { encodeFrame } from '../../../src/wire/frame.js';
import { MessageType } from '../../../src/wire/message.js';
import { withDirectory } from '../support/temporary.js';

/** What somebody is told by a collector that answers like this. */
function told(answer: RequestListener, ask: (api: ApiClient) => Promise<unknown>): Promise<unknown> {
  return withDirectory(async (dir) => {
    const server = createServer(answer);
    const path = join(dir, 'collector.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      return await ask(new ApiClient(path)).then(
        () => 'an answer',
        (error: unknown) => error,
      );
    } finally {
      server.close();
    }
  });
}

/** Begins an answer, and dies within it. */
const dies =
  (begun: Uint8Array | string): RequestListener =>
  (_request, response) => {
    response.write(begun, () => response.destroy());
  };

describe('a collector that dies within its answer', () => {
  const nobody = { onBatch: () => undefined, onMissed: () => undefined };

  it('is told of by whoever follows its log', async () => {
    const frame = encodeFrame(MessageType.eventBatch, 0, 1, 0, new Uint8Array(64)).subarray(0, 20);
    const error = await told(dies(frame), (api) => api.tail({}, nobody, new AbortController().signal));
    expect(error).toBeInstanceOf(SocketError);
    expect(String(error)).toMatch(/The collector at \/.*collector\.sock went away\.$/);
  });

  it('is told of by whoever asks in SQL, or for the status', async () => {
    for (const ask of [(api: ApiClient) => api.sql('SELECT 1', 'TSV'), (api: ApiClient) => api.status()]) {
      const error = await told(dies('{"half": '), ask);
      expect(error).toBeInstanceOf(SocketError);
      expect(String(error)).toMatch(/went away before its answer was whole\.$/);
    }
  });

  it('is no news to who has gone himself', async () => {
    const leave = new AbortController();
    const answer: RequestListener = (_request, response) => {
      response.write('x', () => leave.abort());
    };
    expect(await told(answer, (api) => api.tail({}, nobody, leave.signal))).toBe('an answer');
  });
});
