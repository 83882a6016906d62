import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, sentence } from '../../../../src/cli/failure.js';
import { program } from '../../../../src/cli/program.js';
import { FakeBalancer } from '../../support/fake-balancer.js';
import { withDirectory } from '../../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

/** Runs `vslog ...` against a balancer of the test's, with words in quotes kept together. */
async function run(args: string, prepare: (balancer: FakeBalancer) => void = () => undefined) {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  return withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const balancer = new FakeBalancer(socket);
    balancer.add('tcp 10.0.0.1:80', { '10.0.0.11:8080': 1, '10.0.0.12:8080': 0 });
    prepare(balancer);
    await balancer.listen();
    const words = (args.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
    let [code, err] = [0, ''];
    try {
      await (await program()).parseAsync(['node', 'vslog', ...words, '--socket', socket]);
    } catch (error) {
      [code, err] = [exitCodeOf(error), sentence(error)];
    } finally {
      await balancer.close();
    }
    return { code, out, err, changes: balancer.changes };
  });
}

const busy = (balancer: FakeBalancer): void => {
  balancer.real('tcp 10.0.0.1:80', '10.0.0.11:8080').active = 3;
};

describe('vs', () => {
  it('lists services, and none', async () => {
    expect((await run('vs ls')).out).toMatch(/tcp 10\.0\.0\.1:80 .* wlc .* 2 /);
    expect((await run('vs ls', (balancer) => balancer.services.clear())).out).toBe('no virtual services\n');
    expect(JSON.parse((await run('vs ls --json')).out)).toMatchObject([
      {
        service: 'tcp 10.0.0.1:80',
        service_scheduler: 'wlc',
        real_servers: [{ real_server: '10.0.0.11:8080', quiesced: false }, { quiesced: true }],
      },
    ]);
  });

  it('adds and changes them with settings by the names of the catalogue', async () => {
    expect((await run('vs add "udp 10.0.0.1:53" --scheduler rr --persistent 5m --flags one-packet')).changes).toEqual([
      'add udp 10.0.0.1:53 service_scheduler=rr service_timeout=300 service_flags=one-packet',
    ]);
    const { out, changes } = await run('vs set tcp://10.0.0.1:80 --scheduler sh');
    expect(changes).toEqual(['set tcp 10.0.0.1:80 service_scheduler=sh']);
    expect(out).toMatch(/^tcp 10\.0\.0\.1:80: scheduler=wlc .* → scheduler=sh .*\n$/);
  });

  it('is not removed under live connections, unless --yes', async () => {
    const { code, err, changes } = await run('vs rm 10.0.0.1:80', busy);
    expect([code, changes]).toEqual([1, []]);
    expect(err).toMatch(/3 live connections/);
    expect((await run('vs rm 10.0.0.1:80 --yes', busy)).changes).toEqual(['remove tcp 10.0.0.1:80']);
    expect((await run('vs rm 10.0.0.1:80')).changes).toEqual(['remove tcp 10.0.0.1:80']);
  });

  it('says in a sentence what is wrong', async () => {
    for (const args of [
      'vs add nonsense',
      'vs set 10.0.0.1:80',
      'vs add 10.0.0.1:81 --scheduler best',
      'vs add 10.0.0.1:81 --persistent soon',
    ]) {
      expect(await run(args), args).toMatchObject({ code: 2, err: expect.stringMatching(/^[^\n]+\.$/), changes: [] });
    }
    expect(await run('vs ls 10.0.0.9:80')).toMatchObject({ code: 1, err: 'There is no virtual service tcp 10.0.0.9:80.' });
  });
});

describe('rs', () => {
  it('lists real servers', async () => {
    const { out } = await run('rs ls', busy);
    expect(out).toMatch(/10\.0\.0\.11:8080 .* +3 .*10\.0\.0\.12:8080 .*quiesced.*2 real servers/s);
  });

  it('adds, changes and removes them', async () => {
    expect((await run('rs add 10.0.0.1:80 10.0.0.13:8080 --weight 2 --forward masq --upper 100')).changes).toEqual([
      'add tcp 10.0.0.1:80 10.0.0.13:8080 real_weight=2 real_forward=masq real_upper=100',
    ]);
    const { out, changes } = await run('rs weight 10.0.0.1:80 10.0.0.11:8080 0');
    expect(changes).toEqual(['set tcp 10.0.0.1:80 10.0.0.11:8080 real_weight=0']);
    expect(out).toMatch(/weight=1 .* → weight=0 /);
    expect((await run('rs threshold 10.0.0.1:80 10.0.0.11:8080 1000 800')).changes).toEqual([
      'set tcp 10.0.0.1:80 10.0.0.11:8080 real_upper=1000 real_lower=800',
    ]);
    expect((await run('rs rm 10.0.0.1:80 10.0.0.12:8080')).changes).toEqual(['remove tcp 10.0.0.1:80 10.0.0.12:8080']);
    expect(await run('rs rm 10.0.0.1:80 10.0.0.11:8080', busy)).toMatchObject({ code: 1, changes: [] });
  });

  it('says in a sentence what is wrong', async () => {
    for (const args of ['rs add 10.0.0.1:80 host:80', 'rs weight 10.0.0.1:80 10.0.0.11:8080 many', 'rs set 10.0.0.1:80 10.0.0.11:8080']) {
      expect(await run(args), args).toMatchObject({ code: 2, changes: [] });
    }
  });
});
