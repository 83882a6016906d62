import { describe, expect, it } from 'vitest';
import { type Asked, failureOf, KafkaFailure } from '../../../../src/sink/kafka/failure.js';
import { EVENT_SCHEMA, hashText, hashWords, MESSAGE_NAMES, topicName } from '../../../../src/sink/kafka/message.js';
import { v1 } from '../../../../src/wire/proto.js';

const ASKED: Asked = { brokers: 'a:9092,b:9092', sasl: 'none', username: '', tls: false, timeoutMs: 30_000 };
const PLAIN: Asked = { ...ASKED, sasl: 'plain', username: 'lb' };
const BEARER: Asked = { ...ASKED, sasl: 'oauthbearer', tls: true };

/** An error with what kafkajs puts on it. */
const error = (fields: object, message = 'It failed.'): Error => Object.assign(new Error(message), fields);
const told = (of: Error, asked = ASKED, topic?: string): string => {
  const { kind, message } = failureOf(of, asked, topic);
  return `${kind}: ${message}`;
};

describe('what a broker answered', () => {
  it.each([
    ['UNKNOWN_TOPIC_OR_PARTITION', 'no-topic: Kafka at a:9092,b:9092 has no topic t: run "vslog sink kafka init".'],
    ['MESSAGE_TOO_LARGE', 'too-large: Kafka at a:9092,b:9092 takes no message of this size in topic t: raise its max.message.bytes.'],
    ['RECORD_LIST_TOO_LARGE', 'too-large: Kafka at a:9092,b:9092 takes no message of this size in topic t: raise its max.message.bytes.'],
    [
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
      "identity: Kafka at a:9092,b:9092 does not know this producer's messages in topic t any more (OUT_OF_ORDER_SEQUENCE_NUMBER).",
    ],
    [
      'UNKNOWN_PRODUCER_ID',
      "identity: Kafka at a:9092,b:9092 does not know this producer's messages in topic t any more (UNKNOWN_PRODUCER_ID).",
    ],
    [
      'TOPIC_AUTHORIZATION_FAILED',
      'forbidden: Nobody without a login may not use topic t at Kafka at a:9092,b:9092: grant Read, Write, Describe and DescribeConfigs.',
    ],
    [
      'NOT_ENOUGH_REPLICAS',
      'later: Kafka at a:9092,b:9092 has too few replicas of topic t in sync (min.insync.replicas): it is waited for them.',
    ],
    ['NOT_LEADER_FOR_PARTITION', 'later: Kafka at a:9092,b:9092 has no leader for topic t at the moment: it is waited for one.'],
    ['ILLEGAL_SASL_STATE', 'unreachable: Kafka at a:9092,b:9092 asks for a login: give kafka.sasl.'],
    ['SOMETHING_NEW', 'later: Kafka at a:9092,b:9092 refuses: It failed (SOMETHING_NEW).'],
  ])('%s', (type, sentence) => expect(told(error({ type }), ASKED, 't')).toBe(sentence));

  it.each([
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'DUPLICATE_SEQUENCE_NUMBER',
    'INVALID_PRODUCER_EPOCH',
    'INVALID_PRODUCER_ID_MAPPING',
    'UNKNOWN_PRODUCER_ID',
  ])('%s asks for another identity', (type) => expect(failureOf(error({ type }), ASKED).kind).toBe('identity'));

  it('of a login names the user, or the token', () => {
    const wrong = error({ type: 'SASL_AUTHENTICATION_FAILED' });
    expect(told(wrong, PLAIN)).toBe(
      'unreachable: Kafka at a:9092,b:9092 does not let us in: user lb or its password is wrong, see kafka.username and kafka.password_file.',
    );
    expect(told(wrong, BEARER)).toBe(
      'unreachable: Kafka at a:9092,b:9092 does not let us in: it takes no such token, see kafka.token_file.',
    );
    expect(told(error({ type: 'ILLEGAL_SASL_STATE' }), PLAIN)).toMatch(/has no login at this port/);
  });
});

describe('how the way to a broker ended', () => {
  it.each([
    [{ code: 'ECONNREFUSED' }, '', ASKED, 'cannot be reached: nobody listens there, see kafka.brokers.'],
    [{ code: 'ENOTFOUND' }, '', ASKED, 'cannot be reached: its name has no address (ENOTFOUND), see kafka.brokers.'],
    [{ code: 'ENETUNREACH' }, '', ASKED, 'cannot be reached: there is no way to it (ENETUNREACH), see kafka.brokers.'],
    [{ code: 'CERT_HAS_EXPIRED' }, '', BEARER, 'cannot be trusted: its certificate has expired, so renew that.'],
    [{ code: 'EPROTO' }, 'wrong version number', BEARER, 'does not speak TLS there: leave kafka.tls out, or give the port for TLS.'],
    [
      {},
      'Client network socket disconnected before secure TLS connection was established',
      BEARER,
      'does not speak TLS there: leave kafka.tls out, or give the port for TLS.',
    ],
    [
      {},
      'ssl3_read_bytes:tlsv13 alert certificate required',
      BEARER,
      'asks for a certificate of ours that it trusts: give kafka.cert_file and kafka.key_file.',
    ],
    [{ name: 'KafkaJSRequestTimeoutError' }, 'x', ASKED, 'was silent for 30000 ms: it hangs, or kafka.timeout is too short.'],
    [
      { name: 'KafkaJSSASLAuthenticationError' },
      'SASL PLAIN mechanism is not supported by the server',
      PLAIN,
      'has no SASL mechanism plain: choose another kafka.sasl.',
    ],
    [
      { name: 'KafkaJSConnectionClosedError' },
      'Closed connection',
      ASKED,
      'ended the connection before it had answered: it went down, or it asks for TLS (kafka.tls) or a login (kafka.sasl).',
    ],
    [
      { code: 'ECONNRESET' },
      'read ECONNRESET',
      BEARER,
      'ended the connection before it had answered: it went down, or it asks for another token (kafka.token_file).',
    ],
    [{ code: 'ECONNRESET' }, 'read ECONNRESET', { ...PLAIN, tls: true }, 'ended the connection before it had answered.'],
    [{}, 'Something  else.\n', ASKED, 'cannot be asked: Something else.'],
  ])('%j %s', (fields, message, asked, sentence) => {
    expect(told(error(fields, message), asked)).toBe(`unreachable: Kafka at a:9092,b:9092 ${sentence}`);
  });

  it('is told of the broker that the error, or a cause of it, names', () => {
    const cause = error({ code: 'ECONNREFUSED' }, 'connect');
    expect(told(error({ broker: 'b:9092', cause }))).toMatch(/^unreachable: Kafka at b:9092 cannot be reached: nobody listens/);
    expect(told(error({ cause: error({ broker: 'c:9092', cause }) }))).toMatch(/Kafka at c:9092/);
    expect(told(new AggregateError([cause]))).toMatch(/nobody listens there/);
  });

  it('is not told a second time', () => {
    const failure = new KafkaFailure('later', 'It is so.');
    expect(failureOf(failure, ASKED)).toBe(failure);
    const cause = error({ type: 'REQUEST_TIMED_OUT' });
    expect(failureOf(cause, ASKED).cause).toBe(cause);
  });
});

describe('messages', () => {
  it('are of topics whose names carry the version', () => {
    expect([topicName('vslog', 'conn'), topicName('a.b', 'control')]).toEqual([
      `vslog.conn.v${EVENT_SCHEMA}`,
      `a.b.control.v${EVENT_SCHEMA}`,
    ]);
  });

  it('name what is in proto/', () => {
    for (const name of Object.values(MESSAGE_NAMES)) expect(Object.keys(v1)).toContain(name.replace('vslog.v1.', ''));
  });

  it('go to the same partition whatever program writes them', () => {
    // As they were from the first version on. With others a connection's events would lie in two partitions.
    expect([hashText(''), hashText('lb1'), hashText('lb2')]).toEqual([2_872_998_923, 237_445_431, 3_063_547_633]);
    expect([hashWords(1, 0), hashWords(0, 1), hashWords(0xffffffff, 0xffffffff)]).toEqual([301_794_027, 804_215_951, 2_104_897_922]);
  });
});
