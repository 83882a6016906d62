import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/load.js';
import type { Key } from '../../../../src/config/schema.js';
import { kafkaOptions } from '../../../../src/sink/kafka/options.js';
import { withDirectory } from '../../support/temporary.js';

const machine = { root: false, uid: 1, home: '/nonexistent', env: {} };
const made = (flags: Partial<Record<Key, unknown>>): ReturnType<typeof kafkaOptions> => {
  const config = loadConfig({ file: '/dev/null', flags, machine });
  return kafkaOptions(config.values);
};

it('is what the section says', () => {
  expect(made({ 'kafka.brokers': 'a:9092,b.example:1' })).toMatchObject({
    connection: { brokers: ['a:9092', 'b.example:1'], timeoutMs: 30_000, tls: undefined, sasl: undefined },
    topicPrefix: 'vslog',
    framing: 'batch',
    messageBytes: 524_288,
    compression: 'lz4',
  });
});

it.each([
  [{ 'kafka.brokers': 'nowhere' }, /kafka\.brokers is "nowhere": it must be like kafka-1:9092,kafka-2:9092\./],
  [{ 'kafka.brokers': 'a:0' }, /it must be like kafka-1:9092/],
  [{ 'kafka.brokers': 'a:70000' }, /it must be like kafka-1:9092/],
  [{ 'kafka.brokers': 'a:1', 'kafka.topic_prefix': 'a b' }, /kafka\.topic_prefix is "a b": it must be 1 to 200 letters/],
  [{ 'kafka.brokers': 'a:1', 'kafka.topic_prefix': '..' }, /kafka\.topic_prefix is/],
  [{}, /There is no kafka\.brokers/],
  [{ 'kafka.brokers': 'a:1', 'kafka.ca_file': '/ca' }, /kafka\.ca_file is given, but kafka\.tls is off/],
  [{ 'kafka.brokers': 'a:1', 'kafka.tls': 'true', 'kafka.cert_file': '/c' }, /kafka\.cert_file and kafka\.key_file belong together/],
  [
    { 'kafka.brokers': 'a:1', 'kafka.tls': 'true', 'kafka.ca_file': '/no/such' },
    /kafka\.ca_file names \/no\/such, but there is no such file\./,
  ],
  [{ 'kafka.brokers': 'a:1', 'kafka.username': 'u' }, /kafka\.username is given, but kafka\.sasl is none/],
  [{ 'kafka.brokers': 'a:1', 'kafka.sasl': 'plain', 'kafka.username': 'u' }, /takes kafka\.username and kafka\.password_file: give both\./],
  [{ 'kafka.brokers': 'a:1', 'kafka.sasl': 'oauthbearer' }, /there is no kafka\.token_file/],
  [
    { 'kafka.brokers': 'a:1', 'kafka.sasl': 'oauthbearer', 'kafka.token_file': '/no/such' },
    /kafka\.token_file names \/no\/such, but there is no such file\./,
  ],
] as const)('says in a sentence what is wrong with %j', (flags, sentence) => {
  expect(() => made(flags)).toThrow(sentence);
});

it('reads secrets from files, a token at every login', async () => {
  await withDirectory(async (dir) => {
    const [password, token, pem] = ['password', 'token', 'ca.pem'].map((name) => join(dir, name)) as [string, string, string];
    writeFileSync(password, 'secret\n', { mode: 0o600 });
    writeFileSync(token, 'one\n', { mode: 0o600 });
    const scram = made({ 'kafka.brokers': 'a:1', 'kafka.sasl': 'scram-sha-256', 'kafka.username': 'u', 'kafka.password_file': password });
    expect(scram.connection.sasl?.()).toEqual({ mechanism: 'scram-sha-256', username: 'u', password: 'secret' });
    const bearer = made({ 'kafka.brokers': 'a:1', 'kafka.sasl': 'oauthbearer', 'kafka.token_file': token }).connection.sasl?.();
    if (bearer?.mechanism !== 'oauthbearer') throw new Error('It is another mechanism.');
    expect(await bearer.oauthBearerProvider()).toEqual({ value: 'one' });
    writeFileSync(token, 'two\n');
    expect(await bearer.oauthBearerProvider()).toEqual({ value: 'two' });
    writeFileSync(pem, 'no certificate');
    expect(() => made({ 'kafka.brokers': 'a:1', 'kafka.tls': 'true', 'kafka.ca_file': pem })).toThrow(/which is no PEM file\./);
  });
});
