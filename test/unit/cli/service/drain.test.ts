import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '../../../../src/cli/address.js';
import { exitCodeOf, sentence } from '../../../../src/cli/failure.js';
import { program } from '../../../../src/cli/program.js';
import { toLong } from '../../../../src/wire/proto.js';
import { FakeBalancer } from '../../support/fake-balancer.js';
import { fakeStore } from '../../support/fake-knobs.js';
import { withDirectory } from '../../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

const WEB = 'tcp 10.0.0.1:80';
const TLS = 'tcp 10.0.0.1:443';
const REAL = '10.0.0.11:8080';
const NOW = 1_700_000_000_000_000_000n;

const connection = (client: string, virtualPort: number, ageS: number, more: object = {}): object => ({
  kind: 'snapshot',
  protocol: 6,
  state: 1,
  time_ns: toLong(NOW),
  created_ns: toLong(NOW - BigInt(ageS) * 1_000_000_000n),
  client_addr: parseAddress(client),
  client_port: 1000 + ageS,
  virtual_addr: parseAddress('10.0.0.1'),
  virtual_port: virtualPort,
  real_addr: parseAddress('10.0.0.11'),
  real_port: 8080,
  ...more,
});

interface Ground {
  readonly balancer: FakeBalancer;
  /** What is in the file of weights. */
  remembered(): string;
  /** Runs `vslog rs drain 10.0.0.11:8080 ...`, or of something else. */
  drain(args?: string, of?: string): Promise<{ code: number; out: string; err: string; changes: string[] }>;
}

/** A balancer whose real server is in two services, and a collector that answers every query with `rows`. */
async function ground(action: (ground: Ground) => Promise<void>, rows: (sql: string) => unknown[][] = () => []): Promise<void> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  await withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const balancer = new FakeBalancer(socket);
    balancer.add(WEB, { [REAL]: 3, '10.0.0.12:8080': 1 });
    balancer.add(TLS, { [REAL]: 5, '10.0.0.12:8080': 1 });
    await balancer.listen();
    const store = await fakeStore(join(dir, 'api.sock'), rows);
    const drain = async (args = '', of = REAL) => {
      out = '';
      balancer.changes.length = 0;
      let [code, err] = [0, ''];
      try {
        const words = ['rs', 'drain', ...of.split(' '), ...(args.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''))];
        await (await program()).parseAsync(['node', 'vslog', ...words, '--socket', socket, '--api-socket', join(dir, 'api.sock')]);
      } catch (error) {
        [code, err] = [exitCodeOf(error), sentence(error)];
      }
      return { code, out, err, changes: [...balancer.changes] };
    };
    try {
      await action({ balancer, drain, remembered: () => readFileSync(join(dir, 'drains.json'), 'utf8') });
    } finally {
      await store.close();
      await balancer.close();
    }
  });
}

describe('rs drain', () => {
  it('quiesces it in every service, and says when nothing is left', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 2;
      let looks = 0;
      balancer.onList = () => {
        if (++looks === 4) balancer.real(WEB, REAL).active = 0;
      };
      const { code, out, changes } = await drain();
      expect(changes).toEqual([`set ${WEB} ${REAL} real_weight=0`, `set ${TLS} ${REAL} real_weight=0`]);
      expect(out).toContain(`\nsafe to stop: ${REAL} has no established connection, and no service sends new ones\n`);
      expect(code).toBe(0);
    }));

  it('is a host by its address alone, with all its ports: what is safe to unplug is said of a host only', () =>
    ground(async ({ balancer, drain }) => {
      balancer.add('tcp 10.0.0.2:80', { '10.0.0.11:8081': 2 });
      balancer.real(WEB, REAL).active = 1;
      balancer.connections = [connection('192.0.2.1', 80, 10)];
      const { code, out, changes } = await drain('--within 0s', '10.0.0.11');
      expect(changes).toEqual([
        `set ${WEB} ${REAL} real_weight=0`,
        `set ${TLS} ${REAL} real_weight=0`,
        'set tcp 10.0.0.2:80 10.0.0.11:8081 real_weight=0',
      ]);
      expect([code, out]).toEqual([7, expect.stringContaining('not safe to unplug yet: 1 established connection left')]);
      balancer.real(WEB, REAL).active = 0;
      balancer.connections = [connection('192.0.2.1', 80, 10, { state: 5 })];
      const empty = await drain('', '10.0.0.11');
      expect([empty.code, empty.out]).toEqual([0, expect.stringContaining('\nsafe to unplug: 10.0.0.11 has no established connection')]);
      expect((await drain('--cancel', '10.0.0.11')).changes).toEqual([
        `set ${WEB} ${REAL} real_weight=3`,
        `set ${TLS} ${REAL} real_weight=5`,
        'set tcp 10.0.0.2:80 10.0.0.11:8081 real_weight=2',
      ]);
    }));

  it('of a port says what else of the host goes on', () =>
    ground(async ({ balancer, drain }) => {
      balancer.add('tcp 10.0.0.2:80', { '10.0.0.11:8081': 1 });
      balancer.real('tcp 10.0.0.2:80', '10.0.0.11:8081').active = 3;
      const { code, out } = await drain();
      expect(code).toBe(0);
      expect(out).toContain('safe to stop: 10.0.0.11:8080');
      expect(out).not.toContain('safe to unplug');
      expect(out).toContain(
        'its host still serves: 10.0.0.11:8081 of tcp 10.0.0.2:80, weight 1, 3 active connections. To pull its cable: vslog rs drain 10.0.0.11\n',
      );
    }));

  it('waits for a connection of a host that no service has any more, and knows no host that is nowhere', () =>
    ground(async ({ balancer, drain }) => {
      balancer.connections = [connection('192.0.2.1', 80, 10, { real_addr: parseAddress('10.0.0.77') })];
      expect(await drain('--within 0s', '10.0.0.77')).toMatchObject({ code: 7, changes: [] });
      balancer.connections = [];
      expect(await drain('--within 0s', '10.0.0.77')).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^No virtual service has a real server at 10\.0\.0\.77/),
      });
    }));

  it('is of several addresses of one host, and a name is resolved', () =>
    ground(async ({ balancer, drain }) => {
      balancer.add('tcp [2001:db8::1]:80', { '[2001:db8::11]:8080': 4 });
      balancer.add('tcp 10.0.0.2:80', { '127.0.0.1:8080': 4 });
      const { out, changes } = await drain('--within 0s', '10.0.0.11 2001:db8::11');
      expect(changes).toContain('set tcp [2001:db8::1]:80 [2001:db8::11]:8080 real_weight=0');
      expect(out).toContain('safe to unplug: 10.0.0.11 and 2001:db8::11 has');
      expect((await drain('--within 0s', 'localhost')).changes).toEqual(['set tcp 10.0.0.2:80 127.0.0.1:8080 real_weight=0']);
      expect(await drain('', 'no-such-host.invalid')).toMatchObject({
        code: 2,
        err: expect.stringMatching(/^The name "no-such-host\.invalid" cannot be resolved/),
      });
      expect(await drain('', '10.0.0.300')).toMatchObject({ code: 2, err: expect.stringMatching(/is neither an address nor a name/) });
      expect(await drain('', '10.0.0.11:8080 10.0.0.12')).toMatchObject({ code: 2, err: expect.stringMatching(/has a port/) });
    }));

  it('is not held up by what is over: it is a number, and nobody is cut', () =>
    ground(async ({ balancer, drain }) => {
      Object.assign(balancer.real(WEB, REAL), { active: 5, inactive: 150 });
      balancer.connections = [
        ...Array.from({ length: 5 }, (_, i) => connection(`192.0.2.${i}`, 80, 100)),
        ...Array.from({ length: 150 }, (_, i) => connection(`198.51.100.${i}`, 80, i, { state: 5 })),
      ];
      const { code, out } = await drain('--within 0s');
      expect(code).toBe(7);
      expect(out).toContain('5 established connections left, 150 others are closing or half open');
      expect(out).not.toContain('198.51.100.');
      expect((out.split('would be cut:\n')[1] ?? '').trimEnd().split('\n')).toHaveLength(5);
    }));

  it('only in one service', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 1;
      balancer.connections = [connection('192.0.2.1', 80, 10)];
      const { code, changes } = await drain(`--vs "${TLS}"`);
      expect([code, changes]).toEqual([0, [`set ${TLS} ${REAL} real_weight=0`]]);
    }));

  it('names who would be cut when the time is over, of the asked service alone', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 1;
      balancer.connections = [connection('192.0.2.1', 80, 10), connection('192.0.2.2', 443, 10)];
      const { code, out } = await drain(`--vs "${WEB}" --within 0s`);
      expect(code).toBe(7);
      expect(out).toContain('192.0.2.1');
      expect(out).not.toContain('192.0.2.2');
      expect(out).toContain('not empty yet');
    }));

  it('predicts from the history of the service', () =>
    ground(
      async ({ balancer, drain }) => {
        balancer.real(WEB, REAL).active = 2;
        balancer.connections = [connection('192.0.2.1', 80, 0), connection('192.0.2.1', 80, 40)];
        expect((await drain('--within 0s')).out).toMatch(/half gone in 20 s.*all in 1 min/);
      },
      (sql) => (sql.includes('virtual_port = 80 ') ? [[60, 100, 0]] : []),
    ));

  it('tells of templates, and that a server with nothing but those is empty', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).persistent = 1;
      balancer.connections = [connection('192.0.2.7', 80, 10, { is_template: true, client_port: 0 })];
      const { code, out } = await drain();
      expect(code).toBe(0);
      expect(out).toMatch(/192\.0\.2\.7.*expire-quiescent-template 1/);
      expect(out).toMatch(/safe to stop.*\n1 persistence template left: a client that comes back/);
    }));

  it('goes on without a list of connections', () =>
    ground(async ({ balancer, drain }) => {
      Object.assign(balancer.real(TLS, REAL), { active: 4, inactive: 7 });
      balancer.connections = undefined;
      const { code, out } = await drain('--within 0s');
      expect(code).toBe(7);
      expect(out).toMatch(/4 established connections left, 7 others/);
    }));

  it('is not safe when somebody gave the weight back meanwhile', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 1;
      let looks = 0;
      balancer.onList = () => {
        if (++looks < 4) return;
        balancer.real(WEB, REAL).active = 0;
        balancer.real(WEB, REAL).settings.set('real_weight', '2');
      };
      const { code, out, changes } = await drain('--then remove --yes');
      expect(code).toBe(1);
      expect(out).not.toContain('safe to stop:');
      expect(changes.filter((change) => change.startsWith('remove'))).toEqual([]);
    }));

  it('removes it when it is empty', () =>
    ground(async ({ drain }) => {
      expect(await drain('--then remove')).toMatchObject({ code: 2, changes: [] });
      const { code, changes } = await drain('--then remove --yes');
      expect(code).toBe(0);
      expect(changes.slice(2)).toEqual([`remove ${WEB} ${REAL}`, `remove ${TLS} ${REAL}`]);
    }));

  it('is cancelled: every weight comes back', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 1;
      expect((await drain('--within 0s')).code).toBe(7);
      // A second drain does not take the 0 for a weight.
      expect((await drain('--within 0s')).changes).toEqual([]);
      expect((await drain('--cancel')).changes).toEqual([`set ${WEB} ${REAL} real_weight=3`, `set ${TLS} ${REAL} real_weight=5`]);
      expect((await drain('--cancel')).changes).toEqual([]);
    }));

  it('has the old weight safe before it changes it', () =>
    ground(async ({ balancer, drain, remembered }) => {
      const seen: string[] = [];
      balancer.onChange = () => seen.push(remembered());
      await drain('--within 0s');
      expect(seen[0]).toMatch(/3/);
      expect(seen[1]).toMatch(/3.*5/s);
    }));

  it('asks the log for the weight when nothing is remembered', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).settings.set('real_weight', '0');
      const { code, err, changes } = await drain('--cancel');
      expect([code, changes]).toEqual([1, []]);
      expect(err).toMatch(/not known.*vslog rs weight/);
    }));

  it('only looks with --no-watch', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 1;
      expect((await drain('--no-watch')).code).toBe(7);
    }));

  it('wants a real server that there is', () =>
    ground(async ({ balancer, drain }) => {
      balancer.services.clear();
      expect(await drain()).toMatchObject({ code: 1, changes: [] });
    }));
});
