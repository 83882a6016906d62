import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { Endpoint, type ListeningServer, placeOf } from '../../../src/listen/endpoint.js';

const configured = (flags: Readonly<Record<string, string>>) =>
  loadConfig({ file: undefined, machine: { root: true, uid: 0, home: '/root', env: {} }, flags });

const place = (flags: Readonly<Record<string, string>>) => placeOf(configured(flags), 'console');

describe('where a server listens', () => {
  it('is its default, which nobody asked for', () => {
    expect(place({})).toEqual({ host: '127.0.0.1', port: 9488, loopback: true, wanted: false, open: false });
  });

  it('is what somebody asked for', () => {
    expect(place({ 'console.listen': '[::1]:0' })).toEqual({ host: '::1', port: 0, loopback: true, wanted: true, open: false });
  });

  it('is nowhere when somebody asked for that', () => {
    expect(place({ 'console.listen': '' })).toBeUndefined();
  });

  it('is beyond loopback only with a secret', () => {
    expect(() => place({ 'console.listen': '0.0.0.0:9488' })).toThrow(
      'console.listen is 0.0.0.0:9488, which others can reach: name a console.token_file, or listen at 127.0.0.1.',
    );
    expect(place({ 'console.listen': '0.0.0.0:9488', 'console.token_file': '/etc/tokens' })).toMatchObject({
      host: '0.0.0.0',
      loopback: false,
    });
  });
});

describe('a listener that asks for no secret', () => {
  const OPEN = { 'collector.listen_open': 'metrics,console' };

  it('is one that is named', () => {
    expect(placeOf(configured(OPEN), 'console')?.open).toBe(true);
    expect(placeOf(configured(OPEN), 'clickhouse_http')?.open).toBe(false);
    expect(placeOf(configured({ 'collector.listen_open': 'all' }), 'clickhouse_http')?.open).toBe(true);
  });

  it('is on loopback', () => {
    expect(() => place({ ...OPEN, 'console.listen': '0.0.0.0:9488', 'console.token_file': '/etc/tokens' })).toThrow(
      'collector.listen_open has console, which listens at 0.0.0.0:9488, where others can reach it: take it out, or listen at 127.0.0.1.',
    );
  });

  it('has no secret of its own, but for the tokens by which the console lets change something', () => {
    expect(() => placeOf(configured({ ...OPEN, 'metrics.token_file': '/etc/token' }), 'metrics')).toThrow(
      'collector.listen_open has metrics, for which there is a metrics.token_file: leave one of them out.',
    );
    expect(place({ ...OPEN, 'console.token_file': '/etc/tokens' })?.open).toBe(true);
  });
});

describe('a server at its place', () => {
  const failing = (code: string, message = code): ListeningServer => ({
    listen: () => Promise.reject(Object.assign(new Error(message), { code })),
    close: () => Promise.resolve(),
  });
  const at = (server: ListeningServer, wanted: boolean) =>
    new Endpoint(server, { host: '127.0.0.1', port: 9488, loopback: true, wanted, open: false }, 'the console', 'console-listen');

  it('says nothing when it listens, and stops', async () => {
    const calls: unknown[] = [];
    const endpoint = at({ listen: async (...given) => calls.push(given), close: async () => void calls.push('close') }, true);
    expect(await endpoint.start()).toBeUndefined();
    await endpoint.stop();
    expect(calls).toEqual([[9488, '127.0.0.1'], 'close']);
  });

  it('lets the collector go on without, when nobody asked for this address', async () => {
    expect(await at(failing('EADDRINUSE'), false).start()).toBe(
      '127.0.0.1:9488 cannot be listened at for the console: it is in use; choose another by --console-listen. The collector goes on without.',
    );
  });

  it.each([
    ['EADDRINUSE', 'it is in use'],
    ['EADDRNOTAVAIL', 'this machine has no such address'],
  ])('refuses to go on where it was asked to listen: %s', async (code, why) => {
    await expect(at(failing(code), true).start()).rejects.toThrow(
      `127.0.0.1:9488 cannot be listened at for the console: ${why}; choose another by --console-listen, or none by an empty one.`,
    );
  });

  it('tells any other reason as the system does', async () => {
    await expect(at(failing('EACCES', 'listen EACCES: permission denied 127.0.0.1:80'), true).start()).rejects.toThrow(
      /^127\.0\.0\.1:9488 cannot be listened at for the console: .+; choose another/,
    );
  });
});
