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
  /** Runs `vslog rs drain 10.0.0.11:8080 ...`. */
  drain(args?: string): Promise<{ code: number; out: string; err: string; changes: string[] }>;
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
    const drain = async (args = '') => {
      out = '';
      balancer.changes.length = 0;
      let [code, err] = [0, ''];
      try {
        const words = ['rs', 'drain', REAL, ...(args.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''))];
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
      expect(out).toContain('safe to unplug');
      expect(code).toBe(0);
    }));

  it('only in one service', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(WEB, REAL).active = 1;
      balancer.connections = [connection('192.0.2.1', 80, 10), connection('192.0.2.2', 443, 10)];
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
      expect(out).not.toContain('\nsafe to unplug');
    }));

  it('predicts from the history of the service', () =>
    ground(
      async ({ balancer, drain }) => {
        balancer.real(WEB, REAL).active = 2;
        balancer.connections = [connection('192.0.2.1', 80, 0), connection('192.0.2.1', 80, 40)];
        expect((await drain('--within 0s')).out).toMatch(/50 % in 20 s.*100 % in 1 min/);
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
      expect(out).toMatch(/safe to unplug.*\n1 persistence template left: no traffic/);
    }));

  it('goes on without a list of connections', () =>
    ground(async ({ balancer, drain }) => {
      balancer.real(TLS, REAL).inactive = 4;
      balancer.connections = undefined;
      const { code, out } = await drain('--within 0s');
      expect(code).toBe(7);
      expect(out).toMatch(/4 connections left/);
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
      expect(out).not.toContain('safe to unplug');
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
