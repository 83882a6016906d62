import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

/** `wanted` when nobody has it, else a free one. Somebody may still take it before it is used: then the capture says so. */
export async function freeTcpPort(host: string, wanted: number): Promise<number> {
  return (await tryTcp(host, wanted)) ?? (await tryTcp(host, 0)) ?? wanted;
}

export async function freeUdpPort(host: string, wanted: number): Promise<number> {
  return (await tryUdp(host, wanted)) ?? (await tryUdp(host, 0)) ?? wanted;
}

function tryTcp(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => {
      const { port: got } = server.address() as AddressInfo;
      server.close(() => resolve(got));
    });
  });
}

function tryUdp(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(undefined)));
    socket.bind(port, host, () => {
      const { port: got } = socket.address();
      socket.close(() => resolve(got));
    });
  });
}
