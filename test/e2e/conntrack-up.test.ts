import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceReport } from '../../src/cli/source-comparison.js';
import { freeze } from '../support/freeze.js';
import { until } from '../support/patience.js';
import type { Told } from './support/conntrack-capture.js';
import { LONG, TRACK } from './support/conntrack-stage.js';
import { datagrams, type MadeFlow, ping, tcp, udp } from './support/flows.js';
import { NetworkNamespace } from './support/network-namespace.js';
import { alive, familyOf, type Up, unprivileged, Vslog } from './support/vslog.js';

const [CLIENT, VIRTUAL, V6] = ['10.1.0.1', '10.2.0.1', '2001:db8::1'];
const FLOWS = 200;
const TCP = 6;

interface Row {
  readonly protocol: number;
  readonly client_addr: string;
  readonly client_port: number;
  readonly virtual_addr: string;
  readonly virtual_port: number;
  readonly real_addr: string;
  readonly real_port: number;
  readonly is_open: boolean;
  readonly reason: string;
}

const COLUMNS = 'protocol, client_addr, client_port, virtual_addr, virtual_port, real_addr, real_port, is_open, reason';

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}

/** A flow of `conntrack -L`, as the tool shows it. */
function flowOfLine(line: string): Partial<MadeFlow> {
  const values = (name: string): string[] => [...line.matchAll(new RegExp(`\\b${name}=(\\S+)`, 'g'))].map(([, value = '']) => value);
  const numbers = (name: string): number[] => values(name).map(Number);
  const protocol = Number(/^\S+ +\d+ \S+ +(\d+)/.exec(line)?.[1]);
  const [type = 0] = numbers('type');
  const [id] = numbers('id');
  return {
    protocol,
    client_addr: values('src')[0] ?? '',
    virtual_addr: values('dst')[0] ?? '',
    real_addr: values('src')[1] ?? '',
    client_port: id ?? numbers('sport')[0] ?? 0,
    virtual_port: id === undefined ? (numbers('dport')[0] ?? 0) : type << 8,
    real_port: id === undefined ? (numbers('sport')[1] ?? 0) : 0,
  };
}

describe('vslog up on source conntrack, by somebody without privileges in a user namespace', () => {
  let namespace: NetworkNamespace;
  let vslog: Vslog;
  let up: Up;
  let standing: MadeFlow[];

  const rowOf = (flow: MadeFlow): Row | undefined =>
    vslog.sql<Row>(
      `SELECT ${COLUMNS} FROM connections WHERE protocol = ${flow.protocol} AND client_port = ${flow.client_port} AND virtual_port = ${flow.virtual_port}
       ORDER BY conn_id DESC LIMIT 1`,
    )[0];
  const rowFor = ({ protocol, client_addr, client_port, virtual_addr, virtual_port, real_addr, real_port }: MadeFlow) => ({
    ...{ protocol, client_addr, client_port, virtual_addr, virtual_port, real_addr, real_port },
  });
  const verified = async (): Promise<{ code: number | null; complete: boolean; source: SourceReport }> => {
    const { code, out, err } = await vslog.ran('verify', '--source', '--json');
    if (out === '') throw new Error(err);
    return { code, ...(JSON.parse(out) as { complete: boolean; source: SourceReport }) };
  };
  const captureOf = (pid: number): number | undefined => familyOf(pid).find((member) => commandOf(member).includes('vslog-capture'));

  beforeAll(async () => {
    namespace = await NetworkNamespace.make({ as: unprivileged() });
    for (const address of [`${CLIENT}/32`, `${VIRTUAL}/32`]) namespace.run('ip', 'address', 'add', address, 'dev', 'lo');
    namespace.run('ip', 'address', 'add', `${V6}/128`, 'dev', 'lo', 'nodad');
    namespace.rules(TRACK);
    namespace.set({ ...LONG, 'netfilter.nf_conntrack_events': 1 });
    standing = [
      ...datagrams(namespace, { address: CLIENT, port: 5001 }, VIRTUAL, FLOWS),
      ping(namespace, CLIENT, VIRTUAL, 17),
      ping(namespace, V6, V6, 18),
    ];
    vslog = new Vslog(namespace);
    up = vslog.up('--node', 'node-a', '--source', 'conntrack');
    await up.says(/capture: ready/);
  });
  afterAll(async () => {
    vslog?.clean();
    await namespace?.end();
  });

  it('shows in SQL when a connection began and ended', async () => {
    const flows = [
      await tcp(namespace, { client: { address: CLIENT, port: 6001 }, virtual: { address: VIRTUAL, port: 80 } }),
      await udp(namespace, { client: { address: V6, port: 6001 }, virtual: { address: V6, port: 53 } }),
    ];
    for (const flow of flows) {
      const row = await until('its end in SQL', () => {
        // Those that stand have other ports.
        namespace.runOut('-p', flow.protocol === TCP ? 'tcp' : 'udp', '--sport', String(flow.client_port));
        const found = rowOf(flow);
        return found?.is_open === false ? found : undefined;
      });
      expect(row).toEqual({ ...rowFor(flow), is_open: false, reason: 'timeout' });
    }
  });

  it('lists what conntrack -L lists', () => {
    const listed = JSON.parse(vslog.run('conn', 'ls', '--json').out) as Told[];
    expect(listed.map(({ conn_id }) => conn_id)).not.toContain('0');
    const sorted = (flows: Partial<MadeFlow>[]): string[] => flows.map((flow) => JSON.stringify(rowFor(flow as MadeFlow))).sort();
    const lines = namespace.run('conntrack', '-L', '-o', 'extended').trimEnd().split('\n');
    expect(sorted(lines.map(flowOfLine))).toEqual(sorted(standing));
    expect(sorted(listed)).toEqual(sorted(standing));
  });

  it('is the kernel’s table, says verify', async () => {
    expect(await verified()).toMatchObject({
      code: 0,
      complete: true,
      source: { checked: true, listed: standing.length, open_in_log: standing.length, only_source: 0, only_log: 0, ok: true },
    });
  });

  it('is so again after the capture was away while flows came and went', async () => {
    const [gone, ...rest] = standing as [MadeFlow, ...MadeFlow[]];
    const capture = captureOf(up.pid) ?? 0;
    // While up stands still it starts no other.
    await freeze(up.pid);
    process.kill(capture, 'SIGKILL');
    await until('the capture has ended', () => !alive(capture));
    namespace.run('conntrack', '-D', '-p', 'udp', '--dport', String(gone.virtual_port));
    const came = ping(namespace, CLIENT, VIRTUAL, 4711);
    process.kill(up.pid, 'SIGCONT');
    await until('another capture', () => up.said.match(/capture: ready/g)?.length === 2);
    await until('its snapshot in SQL', () => rowOf(came)?.is_open);
    await until('that the log is the table', async () => (await verified()).code === 0);
    expect(rowOf(gone)).toMatchObject({ ...rowFor(gone), is_open: false });
    const open = vslog.sql<{ n: number }>('SELECT count() AS n FROM connections WHERE is_open');
    expect(open).toEqual([{ n: rest.length + 1 }]);
  });

  it('ends cleanly, and leaves no process', async () => {
    const family = familyOf(up.pid);
    expect(await up.end()).toBe(0);
    await until('everything below has ended', () => !family.some(alive));
  });
});
