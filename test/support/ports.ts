import { createServer, type Server } from 'node:net';

/** Below the ports that Linux gives to clients by itself (ip_local_port_range begins at 32768), so that nobody else gets one by chance, and above those of vslog's demonstration. */
const FIRST = 19_000;
const LAST = 32_000;
const taken: Server[] = [];
let next = FIRST + Math.floor(Math.random() * (LAST - FIRST));

/**
 * Ports of loopback that are free for TCP, all different, and reserved for this process until it ends: no other test process gets them, although nobody listens yet.
 * The reservation is an abstract socket in the name of the port, which goes with the process.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > LAST - FIRST) throw new Error(`No ${count} ports from ${FIRST} to ${LAST} are free.`);
    const port = next;
    next = next === LAST ? FIRST : next + 1;
    const reservation = await listening(`\0vslog-test-port-${port}`);
    if (reservation === undefined) continue;
    const trial = await listening({ port, host: '0.0.0.0' });
    await closed(trial);
    if (trial === undefined) {
      await closed(reservation);
      continue;
    }
    taken.push(reservation);
    ports.push(port);
  }
  return ports;
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** Listens on a port of loopback that is free; returns it. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function listening(at: string | { port: number; host: string }): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.unref();
    server.once('error', () => resolve(undefined));
    server.listen(at, () => resolve(server));
  });
}

function closed(server: Server | undefined): Promise<void> {
  return new Promise((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
}
