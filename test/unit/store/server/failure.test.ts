import { ClickHouseError } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { EngineError, EngineUnavailable } from '../../../../src/store/errors.js';
import { failureOf } from '../../../../src/store/server/failure.js';

const asked = { url: 'http://h:8123', user: 'u', timeoutMs: 5000 };
const refused = (code: string, type: string, message = 'Something'): Error =>
  failureOf(new ClickHouseError({ message: `${message}. `, code, type }), asked);

test.each([
  [
    '516',
    'AUTHENTICATION_FAILED',
    'The ClickHouse server at http://h:8123 does not let user u in: check clickhouse.user and clickhouse.password_file.',
  ],
  ['243', 'NOT_ENOUGH_SPACE', 'The disk of the ClickHouse server at http://h:8123 is full: make room there, nothing is lost meanwhile.'],
  [
    '497',
    'ACCESS_DENIED',
    'User u may not do what is needed at http://h:8123; grant it, or have the tables made by somebody who may ("vslog sink clickhouse ddl"): Something (ClickHouse 497, ACCESS_DENIED).',
  ],
  [
    '241',
    'MEMORY_LIMIT_EXCEEDED',
    'The ClickHouse server at http://h:8123 has no memory left for this: Something (ClickHouse 241, MEMORY_LIMIT_EXCEEDED).',
  ],
  [
    '242',
    'TABLE_IS_READ_ONLY',
    'The ClickHouse server at http://h:8123 takes nothing, since the replica has lost its Keeper: Something (ClickHouse 242, TABLE_IS_READ_ONLY).',
  ],
  ['60', 'UNKNOWN_TABLE', 'Something (ClickHouse 60, UNKNOWN_TABLE).'],
])('code %s is one sentence', (code, type, sentence) => {
  const error = refused(code, type);
  expect(error).toBeInstanceOf(EngineError);
  expect((error as EngineError).code).toBe(Number(code));
  expect(error.message).toBe(sentence);
});

test.each([
  ['ECONNREFUSED', 'connect ECONNREFUSED', 'The ClickHouse server at http://h:8123 cannot be reached: nobody listens there.'],
  [
    'ENOTFOUND',
    'getaddrinfo ENOTFOUND h',
    'The ClickHouse server at http://h:8123 cannot be reached: its name has no address (ENOTFOUND).',
  ],
  ['ECONNRESET', 'socket hang up', 'The ClickHouse server at http://h:8123 ended the connection before it had answered.'],
  ['', 'Timeout error.', 'The ClickHouse server at http://h:8123 was silent for 5000 ms: it hangs, or clickhouse.timeout is too short.'],
  [
    'HPE_INVALID_CONSTANT',
    'Parse Error: Expected HTTP/',
    'The ClickHouse server at http://h:8123 does not speak HTTP there: its HTTP port is 8123 as a rule.',
  ],
  [
    'CERT_HAS_EXPIRED',
    'certificate has expired',
    'The ClickHouse server at http://h:8123 cannot be trusted, since its certificate has expired: renew it.',
  ],
  [
    'EPROTO',
    'wrong version number',
    'The ClickHouse server at http://h:8123 cannot be reached: it does not speak TLS there: use http, or the port for https.',
  ],
  ['', 'something\nnew', 'The ClickHouse server at http://h:8123 cannot be asked: something new.'],
])('%s may work later, and is one sentence', (code, message, sentence) => {
  const error = failureOf(code === '' ? new Error(message) : Object.assign(new Error(message), { code }), asked);
  expect(error).toBeInstanceOf(EngineUnavailable);
  expect(error.message).toBe(sentence);
});

test('of all addresses of a name the first one counts', () => {
  const error = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), new Error('y')]);
  expect(failureOf(error, asked).message).toMatch(/nobody listens there/);
});
