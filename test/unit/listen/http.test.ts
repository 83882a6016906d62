import { createServer, get, type ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { closeHttp, listenTcp } from '../../../src/listen/http.js';
import { WAIT_MS } from '../../support/patience.js';

it('listens at any port that is free, and says when one is not', async () => {
  const [first, second] = [createServer(), createServer()];
  const port = await listenTcp(first, 0, '127.0.0.1');
  expect(port).toBeGreaterThan(0);
  await expect(listenTcp(second, port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await closeHttp(first);
  expect(await listenTcp(second, port, '127.0.0.1')).toBe(port);
  await closeHttp(second);
  // Once more does no harm.
  await closeHttp(second);
});

/** A server that has begun to answer one request, and what the client will have of it. */
async function answering() {
  let answer: ServerResponse | undefined;
  const server = createServer();
  const asked = new Promise<void>((resolve) => {
    server.on('request', (_request, response) => {
      answer = response;
      response.write('begun ');
      resolve();
    });
  });
  const port = await listenTcp(server, 0, '127.0.0.1');
  const heard = new Promise<string>((resolve) => {
    get({ port, host: '127.0.0.1' }, (response) => {
      let text = '';
      response.on('data', (bytes) => {
        text += String(bytes);
      });
      response.on('end', () => resolve(text));
      response.on('error', () => resolve(`${text}cut`));
    });
  });
  await asked;
  return { server, heard, end: () => answer?.end('ended') };
}

it('lets an answer end that is under way, when it closes', async () => {
  const { server, heard, end } = await answering();
  const closed = closeHttp(server, WAIT_MS);
  end();
  expect(await heard).toBe('begun ended');
  await closed;
  expect(server.listening).toBe(false);
});

it('cuts an answer that does not end in time', async () => {
  const { server, heard } = await answering();
  await closeHttp(server, 0);
  expect(await heard).toBe('begun cut');
});
