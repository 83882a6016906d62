import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../../src/cli/service-address.js';
import type { Administration, KnobAssignment, ServiceChange, VirtualService } from '../../src/wire/administration.js';
import { until } from '../support/patience.js';
import { freePort, freePorts } from '../support/ports.js';
import { Administered, ourselves, refusalOf } from './support/administered.js';

const [ENOENT, EEXIST, EINVAL, EOPNOTSUPP, EADDRINUSE] = [2, 17, 22, 95, 98];
const KINDS = ['service_added', 'service_changed', 'service_removed', 'real_added', 'real_changed', 'real_removed'];

/** Says its name to whoever comes, then sends back what it gets. */
class Echo {
  port = 0;
  readonly name: string;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private readonly datagrams: DatagramSocket;

  constructor(name: string) {
    this.name = name;
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => undefined);
      socket.write(name);
      socket.pipe(socket);
    });
    this.datagrams = createSocket('udp4');
    this.datagrams.on('message', (text, { port, address }) => this.datagrams.send(`${name}${String(text)}`, port, address));
  }

  async listen(): Promise<void> {
    this.port = await freePort();
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => this.datagrams.bind(this.port, '127.0.0.1', resolve));
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    this.datagrams.close();
  }
}

/** The name of the server that a new connection gets to; how it failed, when it does. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', (data) => {
      socket.end();
      resolve(String(data));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.once('close', () => resolve('closed'));
  });
}

/** Names of the servers of so many new connections, one after the other. */
async function askOften(port: number, times: number): Promise<string[]> {
  const found: string[] = [];
  for (let i = 0; i < times; i++) found.push(await ask(port));
  return found.sort();
}

/** Sends a datagram time and again until it is answered: the first ones may be lost. */
async function askByDatagram(port: number): Promise<string> {
  const socket = createSocket('udp4');
  let answer: string | undefined;
  socket.on('message', (text) => {
    answer = String(text);
  });
  socket.on('error', () => undefined);
  try {
    return await until('an answer to a datagram', () => {
      if (answer === undefined) socket.send('?', port, '127.0.0.1');
      return answer;
    });
  } finally {
    socket.close();
  }
}

describe('services and real servers of source engine, while it runs', () => {
  const [a, b] = [new Echo('A'), new Echo('B')];
  let running: Administered;
  let capture: Administration;
  /** Ports: of the service that is there from the start, and of two that are added. */
  let [first, web, dns] = [0, 0, 0];
  /** What was acknowledged, as the log must have it. */
  const made: object[] = [];
  const sockets: Socket[] = [];

  const at = (port: number): string => `127.0.0.1:${port}`;
  const settingsOf = (settings: Record<string, string>): KnobAssignment[] =>
    Object.entries(settings).map(([name, value]) => ({ name, value }));
  const order = (
    action: ServiceChange['action'],
    service: string,
    real?: string,
    settings: Record<string, string> = {},
  ): ServiceChange => ({
    action,
    service: parseServiceKey(service),
    ...(real === undefined ? {} : { real: parseServerKey(real) }),
    settings: settingsOf(settings),
  });
  /** Changes it, and notes what the log must have then. Resolves to [old, new]. */
  const change = async (...what: Parameters<typeof order>): Promise<[string, string]> => {
    const [action, service, real] = what;
    const left = action === 'remove' && real === undefined ? (await only(service)).reals : [];
    const { oldValue, newValue } = await capture.change(order(...what));
    const kind = `${real === undefined ? 'service' : 'real'}_${{ add: 'added', set: 'changed', remove: 'removed' }[action]}`;
    made.push({
      kind,
      service: service.replace(/^\w+ /, ''),
      ...(real === undefined ? {} : { real }),
      old_value: oldValue,
      new_value: newValue,
    });
    // A service takes its real servers with it.
    for (const { key } of left)
      made.push({ kind: 'real_removed', service: service.replace(/^\w+ /, ''), real: formatServerKey(key), new_value: '' });
    return [oldValue, newValue];
  };
  const refused = (...what: Parameters<typeof order>) => refusalOf(capture.change(order(...what)));
  const only = async (service: string): Promise<VirtualService> => {
    const [found, ...others] = await capture.services(parseServiceKey(service));
    expect(others).toEqual([]);
    if (found === undefined) throw new Error(`There is no ${service}.`);
    return found;
  };
  const realSettings = async (service: string, port: number): Promise<Record<string, string>> => {
    const real = (await only(service)).reals.find(({ key }) => key.port === port);
    return Object.fromEntries(real?.settings ?? []);
  };

  beforeAll(async () => {
    await Promise.all([a.listen(), b.listen()]);
    [first = 0, web = 0, dns = 0] = await freePorts(3);
    running = new Administered(['--service', `tcp://${at(first)}`, '--scheduler', 'rr', '--real', at(a.port), '--drain', '1h']);
    await running.begin();
    capture = await running.session();
  });
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    running?.clean();
    a.close();
    b.close();
  });

  it('begins with what it was started with', async () => {
    const services = await capture.services();
    expect(services.map(({ key }) => formatServiceKey(key))).toEqual([`tcp ${at(first)}`]);
    expect(services[0]?.reals.map(({ key }) => formatServerKey(key))).toEqual([at(a.port)]);
    expect(await ask(first)).toBe('A');
    expect(await ask(web)).toBe('ECONNREFUSED');
  });

  it('has traffic go through a service that was added', async () => {
    const [none, added] = await change('add', at(web), undefined, { service_scheduler: 'rr' });
    expect(none).toBe('');
    expect(added).toMatch(/^scheduler=rr /);
    expect((await only(at(web))).settings.get('service_scheduler')).toBe('rr');
    await change('add', at(web), at(a.port));
    await change('add', at(web), at(b.port), { real_weight: '3' });
    expect(await realSettings(at(web), b.port)).toEqual({ real_weight: '3', real_forward: 'masq', real_upper: '0', real_lower: '0' });
    expect(await askOften(web, 4)).toEqual(['A', 'A', 'B', 'B']);
  });

  it('has datagrams go through one, too', async () => {
    await change('add', `udp ${at(dns)}`, undefined, { service_scheduler: 'rr', service_flags: 'one-packet' });
    await change('add', `udp ${at(dns)}`, at(b.port));
    expect(await askByDatagram(dns)).toBe('B?');
    expect((await only(`udp ${at(dns)}`)).settings.get('service_flags')).toBe('one-packet');
  });

  it('changes a service, and what is not named stays', async () => {
    const before = (await only(at(web))).settings;
    const [old, now] = await change('set', at(web), undefined, { service_scheduler: 'wrr' });
    expect([old, now]).toEqual([expect.stringMatching(/^scheduler=rr /), old.replace('scheduler=rr', 'scheduler=wrr')]);
    expect((await only(at(web))).settings).toEqual(new Map([...before, ['service_scheduler', 'wrr']]));
    // Three of four by weight.
    expect(await askOften(web, 4)).toEqual(['A', 'B', 'B', 'B']);
    await change('set', at(web), undefined, { service_timeout: '300' });
    expect((await only(at(web))).settings.get('service_timeout')).toBe('300');
    await change('set', at(web), undefined, { service_timeout: '0' });
  });

  it('quiesces a real server by its weight: what is open goes on, and nothing new comes', async () => {
    const socket = connect(web, '127.0.0.1');
    sockets.push(socket);
    let heard = '';
    socket.on('data', (data) => {
      heard += String(data);
    });
    socket.on('error', () => undefined);
    const name = await until('a server', () => heard || undefined);
    const [on, other] = name === 'A' ? [a, b] : [b, a];
    const [old, now] = await change('set', at(web), at(on.port), { real_weight: '0' });
    expect([old, now]).toEqual([expect.stringMatching(/^weight=[13] /), old.replace(/weight=\d/, 'weight=0')]);
    expect(await askOften(web, 4)).toEqual(new Array<string>(4).fill(other.name));
    socket.write('still there?');
    await until('an answer from the quiesced server', () => heard.includes('still there?'));
    await change('set', at(web), at(on.port), { real_weight: '1' });
    socket.destroy();
  });

  it('keeps new connections from a real server that is above its upper threshold', async () => {
    await change('set', at(web), at(a.port), { real_weight: '1', real_upper: '1', real_lower: '1' });
    await change('set', at(web), at(b.port), { real_weight: '0' });
    expect(await realSettings(at(web), a.port)).toEqual({ real_weight: '1', real_forward: 'masq', real_upper: '1', real_lower: '1' });
    const real = async () => (await only(at(web))).reals.find(({ key }) => key.port === a.port);
    await until('the connections of before have ended', async () => (await real())?.active === 0);
    const socket = connect(web, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    await until('a full server', async () => (await real())?.overloaded === true);
    expect(await ask(web)).not.toBe('A');
    await change('set', at(web), at(a.port), { real_upper: '0', real_lower: '0' });
    await until('a server that takes more', async () => (await ask(web)) === 'A');
    await change('set', at(web), at(b.port), { real_weight: '1' });
    socket.destroy();
  });

  it('refuses with a sentence what cannot be, and nothing is changed', async () => {
    const plain = async () =>
      (await capture.services()).map(({ key, settings, reals }) => [
        key,
        [...settings],
        reals.map((real) => [real.key, [...real.settings]]),
      ]);
    const before = await plain();
    const nowhere = '127.0.0.1:1';
    const cases: [Parameters<typeof order>, number, RegExp][] = [
      [['add', at(web)], EEXIST, /^there is a virtual service .* already\.$/],
      [['add', at(web), at(a.port)], EEXIST, /^the virtual service .* has the real server .* already\.$/],
      [['add', nowhere, undefined, { service_scheduler: 'best' }], EINVAL, /scheduler.*"best"/],
      [['set', at(web), undefined, { service_scheduler: 'best' }], EINVAL, /scheduler.*"best"/],
      [['set', at(web), undefined, { service_timeout: '2678401' }], EINVAL, /0 to 2678400/],
      [['set', at(web), undefined, { service_netmask: '255.0.255.0' }], EINVAL, /netmask/],
      [['set', at(web), undefined, { service_flags: 'one-packet,nonsense' }], EINVAL, /one-packet/],
      [['set', at(web), undefined, { service_pe: 'sip' }], EOPNOTSUPP, /^the embedded balancer has no service_pe\.$/],
      [['add', nowhere, at(a.port)], ENOENT, /^there is no virtual service .*\.$/],
      [['set', nowhere, undefined, { service_scheduler: 'rr' }], ENOENT, /^there is no virtual service .*\.$/],
      [['remove', nowhere], ENOENT, /^there is no virtual service .*\.$/],
      [['set', at(web)], EINVAL, /^there is nothing to set\.$/],
      [['set', nowhere, at(a.port), { real_weight: '2' }], ENOENT, /^there is no virtual service .*\.$/],
      [['remove', nowhere, at(a.port)], ENOENT, /^there is no virtual service .*\.$/],
      [['set', at(web), nowhere, { real_weight: '2' }], ENOENT, / has no real server .*\.$/],
      [['remove', at(web), nowhere], ENOENT, / has no real server .*\.$/],
      [
        ['set', at(web), at(a.port), { real_upper: '3', real_lower: '4' }],
        EINVAL,
        /^real_lower 4 must not be above real_upper, which is 3\.$/,
      ],
      [
        ['add', at(web), nowhere, { real_upper: '3', real_lower: '4' }],
        EINVAL,
        /^real_lower 4 must not be above real_upper, which is 3\.$/,
      ],
      [['set', at(web), at(a.port), { real_weight: '-1' }], EINVAL, /0 to 2147483647/],
      [['set', at(web), at(a.port), { real_forward: 'tunnel' }], EOPNOTSUPP, /masq only, not by tunnel/],
      [['set', at(web), at(a.port), { real_tunnel_port: '4' }], EOPNOTSUPP, /has no real_tunnel_port/],
      // Servers of a service are others than services: what is of the one is not of the other.
      [['set', at(web), undefined, { real_weight: '2' }], EINVAL, /real_weight/],
      [['set', at(web), at(a.port), { service_scheduler: 'rr' }], EINVAL, /service_scheduler/],
      [['set', at(web), at(a.port), { no_such: '1' }], ENOENT, /no_such/],
      // The address of a real server is in use by the server itself.
      [['add', at(a.port)], EADDRINUSE, /another process has this address/],
      [['add', `udp ${at(a.port)}`], EADDRINUSE, /another process has this address/],
    ];
    for (const [what, code, sentence] of cases) {
      const refusal = await refused(...what);
      expect(refusal, JSON.stringify(what)).toMatchObject({ code, message: expect.stringMatching(sentence) });
      expect(refusal.message).toMatch(/\.$/);
      expect(await plain(), JSON.stringify(what)).toEqual(before);
    }
    await expect(refusalOf(capture.services(parseServiceKey(nowhere)))).resolves.toMatchObject({ code: ENOENT });
    // A service that could not be added holds no port.
    expect(await ask(1)).toBe('ECONNREFUSED');
    expect(await ask(first)).toBe('A');
  });

  it('has nothing new go to a real server that was removed', async () => {
    const [old, now] = await change('remove', at(web), at(a.port));
    expect([old, now]).toEqual(['weight=1 forward=masq upper=0 lower=0', '']);
    expect((await only(at(web))).reals.map(({ key }) => key.port)).toEqual([b.port]);
    expect(await askOften(web, 3)).toEqual(['B', 'B', 'B']);
  });

  it('closes the port of a service that was removed, which can be added again', async () => {
    const [old, now] = await change('remove', at(web));
    expect([old, now]).toEqual([expect.stringMatching(/^scheduler=wrr /), '']);
    expect(await ask(web)).toBe('ECONNREFUSED');
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(web, '127.0.0.1', resolve);
    });
    expect(await refused('add', at(web))).toMatchObject({ code: EADDRINUSE });
    await new Promise((resolve) => server.close(resolve));
    await change('add', at(web));
    expect((await only(at(web))).reals).toEqual([]);
    await change('add', at(web), at(b.port));
    expect(await ask(web)).toBe('B');
    await change('remove', `udp ${at(dns)}`);
    expect((await capture.services()).map(({ key }) => key.port).sort()).toEqual([first, web].sort());
  });

  it('has logged each change in order, by whom, and no refusal', async () => {
    const [service, real, ...logged] = await running.logged(made.length + 2, ...KINDS);
    // What it was started with was added by the capture itself.
    const itself = { command: expect.stringContaining('/vslog-capture --with-parent --source engine') as string, through: 'vslog' };
    expect([service, real]).toMatchObject([
      { kind: 'service_added', service: at(first), ...itself },
      { kind: 'real_added', service: at(first), real: at(a.port), ...itself },
    ]);
    const self = ourselves(process.getuid?.() ?? 0);
    expect(logged).toMatchObject(made.map((one) => ({ ...one, ...self })));
    const { out } = running.vslog.run('report', 'changes', '--vs', `udp ${at(dns)}`);
    expect(out).toMatch(new RegExp(`  udp ${at(dns)} +removed: scheduler=rr `));
    expect(out).toMatch(new RegExp(`  real server ${at(b.port)} of udp ${at(dns)} +added: weight=1 `));
    await running.end();
    expect(running.vslog.run('verify').out).toMatch(/\ncomplete\n$/);
  });
});
