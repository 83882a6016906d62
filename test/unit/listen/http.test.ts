import { createServer, get, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { closeHttp, createListener, listenTcp } from '../../../src/listen/http.js';
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

describe('every answer says that it is what its type says, and whose', () => {
  const servers: ReturnType<typeof createListener>[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await closeHttp(server);
  });

  /** All that comes back for some bytes. */
  async function answerTo(text: string, options = {}): Promise<string> {
    const server = createListener({ maxHeaderSize: 1024, ...options }, 8, (_request, response) => response.writeHead(404).end('none'));
    servers.push(server);
    const port = await listenTcp(server, 0, '127.0.0.1');
    return new Promise((resolve, reject) => {
      let said = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket.on('data', (bytes) => {
        said += String(bytes);
      });
      socket.once('error', reject);
      socket.once('close', () => resolve(said));
    });
  }

  it.each([
    ['404 Not Found', 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['404 Not Found', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['400 Bad Request', 'what is this\r\n\r\n'],
    ['431 Request Header Fields Too Large', `GET /${'x'.repeat(5000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    ['417 Expectation Failed', 'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: miracles\r\n\r\n'],
  ])('%s', async (status, text) => {
    const said = await answerTo(text);
    expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status}\r\n`));
    expect(said).toContain('\r\nX-Content-Type-Options: nosniff\r\n');
    expect(said).toContain('\r\nCross-Origin-Resource-Policy: same-origin\r\n');
  });

  it('408 Request Timeout', async () => {
    const said = await answerTo('GET / HT', { headersTimeout: 50, requestTimeout: 50, connectionsCheckingInterval: 10 });
    expect(said).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(said).toContain('\r\nX-Content-Type-Options: nosniff\r\n');
  });
});
