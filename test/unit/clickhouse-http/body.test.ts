import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { readBody } from '../../../src/clickhouse-http/body.js';

/** A request of which a part has come. */
function begun(text: string): PassThrough & IncomingMessage {
  const request = Object.assign(new PassThrough(), { headers: {} }) as unknown as PassThrough & IncomingMessage;
  request.write(text);
  return request;
}

it('a body is given up at its deadline, and not after it has come', async () => {
  const late = new AbortController();
  const whole = begun('SELECT ');
  whole.end('1');
  expect((await readBody(whole, 100, late.signal)).toString()).toBe('SELECT 1');
  const half = begun('SELECT ');
  const reading = readBody(half, 100, late.signal);
  late.abort();
  await expect(reading).rejects.toMatchObject({ code: 209, label: 'SOCKET_TIMEOUT' });
  await expect(readBody(begun('SELECT '), 100, late.signal)).rejects.toMatchObject({ code: 209 });
  // What comes all the same is nobody's.
  half.end('1');
  await expect(readBody(begun('SELECT 1'), 3)).rejects.toMatchObject({ code: 229 });
});
