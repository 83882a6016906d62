import { once } from 'node:events';
import { COMMAND_MS, until } from '../../support/patience.js';
import type { NetworkNamespace } from './network-namespace.js';

/** What a test made, by the names of the records. */
export interface MadeFlow {
  readonly protocol: number;
  readonly family: 4 | 6;
  readonly client_addr: string;
  readonly client_port: number;
  readonly virtual_addr: string;
  readonly virtual_port: number;
  readonly real_addr: string;
  readonly real_port: number;
  readonly forward: 'direct' | 'masq';
  readonly zone: number;
}

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Way {
  readonly client: Place;
  readonly virtual: Place;
  /** Who answers; default: `virtual`. */
  readonly real?: Place;
  readonly zone?: number;
  /** Where the server runs; default: where the client does. */
  readonly serverIn?: NetworkNamespace;
}

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
const ECHO_REQUEST = { [ICMP]: 8, [ICMPV6]: 128 } as const;
/** What a client says, and its server answers. */
const WORDS = 'hello\n';
/** Seconds that socat waits for the other direction when one has ended: as long as a command may take. */
const OTHER_DIRECTION = String(COMMAND_MS / 1000);

/** A TCP connection with an answer, closed by both. */
export async function tcp(namespace: NetworkNamespace, way: Way): Promise<MadeFlow> {
  const flow = flowOf(TCP, way);
  await exchange(namespace, way, flow, 'TCP');
  return flow;
}

/** A datagram and its answer. */
export async function udp(namespace: NetworkNamespace, way: Way): Promise<MadeFlow> {
  const flow = flowOf(UDP, way);
  await exchange(namespace, way, flow, 'UDP');
  return flow;
}

/** Datagrams from one port to so many, each of which is a flow. Nobody answers; that the kernel does not either takes a rule. */
export function datagrams(namespace: NetworkNamespace, client: Place, address: string, count: number): MadeFlow[] {
  namespace.run(process.execPath, '-e', sender(`made < ${count}`), JSON.stringify([client, address]));
  return datagramFlows(client, address, count);
}

/**
 * Datagrams, as datagrams() sends them, without end: from the next port when all ports have been sent to. Resolves, when the first are sent, to what stops it, which tells the
 * flows that were made.
 */
export async function stream(namespace: NetworkNamespace, client: Place, address: string): Promise<() => Promise<MadeFlow[]>> {
  const child = namespace.start(
    process.execPath,
    '-e',
    sender('going', 'if (made % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 1));'),
    JSON.stringify([client, address]),
  );
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until('datagrams', () => said.includes('first'));
  return async () => {
    const ended = once(child, 'close');
    child.stdin?.end();
    await ended;
    return datagramFlows(client, address, Number(/\d+/.exec(said)?.[0]));
  };
}

const FIRST_PORT = 30_000;
/** Ports that one socket sends to. */
const PORTS = 65_536 - FIRST_PORT;

function datagramFlows(client: Place, address: string, count: number): MadeFlow[] {
  return Array.from({ length: count }, (_, i) => {
    const from = { address: client.address, port: client.port + Math.floor(i / PORTS) };
    return flowOf(UDP, { client: from, virtual: { address, port: FIRST_PORT + (i % PORTS) } });
  });
}

function sender(goesOn: string, pause = ''): string {
  return `const { createSocket } = require('node:dgram');
    const [client, address] = JSON.parse(process.argv[1]);
    let going = true;
    process.stdin.on('end', () => { going = false; }).resume();
    (async () => {
      let made = 0;
      for (let port = client.port; ${goesOn}; port++) {
        const socket = createSocket('udp4');
        await new Promise((resolve) => socket.bind(port, client.address, resolve));
        for (let at = ${FIRST_PORT}; at < 65536 && ${goesOn}; at++) {
          await new Promise((resolve) => socket.send('x', at, address, resolve));
          if (++made === 1) console.log('first');
          ${pause}
        }
        socket.close();
      }
      console.log(made);
      process.stdin.destroy();
    })();`;
}

/** A ping and its answer, by its identifier. */
export function ping(namespace: NetworkNamespace, from: string, to: string, id: number): MadeFlow {
  const protocol = to.includes(':') ? ICMPV6 : ICMP;
  const type = ECHO_REQUEST[protocol];
  const message = Buffer.alloc(8);
  message.writeUInt8(type, 0);
  message.writeUInt16BE(id, 4);
  message.writeUInt16BE(1, 6);
  // RFC 1071; for ICMPv6 the kernel does it.
  const sum = (type << 8) + id + 1;
  if (protocol === ICMP) message.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 2);
  const place = (address: string): string => (address.includes(':') ? `[${address}]` : address);
  const { code, err } = namespace.tried(['socat', '-u', '-', `IP-SENDTO:${place(to)}:${protocol},bind=${place(from)}`], message);
  if (code !== 0) throw new Error(err);
  return {
    ...flowOf(protocol, { client: { address: from, port: id }, virtual: { address: to, port: type << 8 } }),
    real_port: 0,
  };
}

function flowOf(protocol: number, { client, virtual, real = virtual, zone = 0 }: Way): MadeFlow {
  return {
    protocol,
    family: client.address.includes(':') ? 6 : 4,
    client_addr: client.address,
    client_port: client.port,
    virtual_addr: virtual.address,
    virtual_port: virtual.port,
    real_addr: real.address,
    real_port: real.port,
    forward: real.address === virtual.address && real.port === virtual.port ? 'direct' : 'masq',
    zone,
  };
}

/** One exchange between a client and a server that are there for nothing else. */
async function exchange(namespace: NetworkNamespace, way: Way, flow: MadeFlow, protocol: 'TCP' | 'UDP'): Promise<void> {
  const six = flow.family === 6;
  const place = (address: string): string => (six ? `[${address}]` : address);
  const { serverIn = namespace } = way;
  const listen = protocol === 'TCP' ? 'LISTEN' : 'RECVFROM';
  const server = serverIn.start(
    'socat',
    '-t',
    OTHER_DIRECTION,
    `${protocol}${flow.family}-${listen}:${flow.real_port},bind=${place(flow.real_addr)},reuseaddr`,
    'PIPE',
  );
  const ended = once(server, 'exit');
  const table = `${protocol.toLowerCase()}${six ? '6' : ''}`;
  const port = `:${flow.real_port.toString(16).toUpperCase().padStart(4, '0')} `;
  await until(`a server at port ${flow.real_port}`, () =>
    serverIn
      .procNet(table)
      .split('\n')
      .some((line) => (line.trim().split(/\s+/)[1] ?? '').concat(' ').endsWith(port)),
  );
  const { code, out, err } = protocol === 'TCP' ? namespace.tried(tcpClient(flow, place), WORDS) : namespace.tried(udpClient(flow));
  if (code !== 0 || out !== WORDS) throw new Error(`The exchange failed: ${out}${err}`);
  // A datagram has no end that a server would see.
  if (protocol === 'UDP') server.kill('SIGKILL');
  await ended;
}

function tcpClient(flow: MadeFlow, place: (address: string) => string): string[] {
  const to = `TCP${flow.family}:${place(flow.virtual_addr)}:${flow.virtual_port}`;
  return ['socat', '-t', OTHER_DIRECTION, '-', `${to},bind=${place(flow.client_addr)}:${flow.client_port},reuseaddr`];
}

/** One that ends with the answer, as socat does not. */
function udpClient(flow: MadeFlow): string[] {
  const program = `const { createSocket } = require('node:dgram');
    const [flow, words] = JSON.parse(process.argv[1]);
    const socket = createSocket('udp' + flow.family);
    socket.on('message', (answer) => {
      process.stdout.write(answer);
      socket.close();
    });
    socket.bind(flow.client_port, flow.client_addr, () => socket.send(words, flow.virtual_port, flow.virtual_addr));`;
  return [process.execPath, '-e', program, JSON.stringify([flow, WORDS])];
}
