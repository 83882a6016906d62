import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Demonstration } from '../../../src/demo/demonstration.js';
import { EchoServer } from '../../../src/demo/echo-server.js';
import { Traffic } from '../../../src/demo/traffic.js';
import { until } from '../../support/patience.js';

describe('an echo server', () => {
  it('answers HTTP and UDP with its name and what it was sent', async () => {
    const server = new EchoServer('B');
    await server.start();
    try {
      const response = await fetch(`http://${server.httpAt}/cart?x=1`, { method: 'POST', body: 'two kettles' });
      expect(response.headers.get('x-server')).toBe('B');
      expect(await response.text()).toMatch(
        /^server B at 127\.0\.0\.1:\d+ was asked: POST \/cart\?x=1 from 127\.0\.0\.1:\d+\ntwo kettles\n$/,
      );

      const socket = createSocket('udp4');
      const answer = new Promise<string>((resolve) => socket.once('message', (message) => resolve(message.toString())));
      const [host, port] = server.udpAt.split(':');
      socket.send('name?', Number(port), host);
      expect(await answer).toBe('server B: name?');
      socket.close();
    } finally {
      await server.stop();
    }
  });
});

describe('the traffic', () => {
  it('asks over HTTP, also again over one connection, and by UDP; and ends', async () => {
    const ports = new Map<number | undefined, number>();
    const server = createServer((request, response) => {
      ports.set(request.socket.remotePort, (ports.get(request.socket.remotePort) ?? 0) + 1);
      response.end('ok');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const udp = createSocket('udp4');
    let datagrams = 0;
    udp.on('message', () => datagrams++);
    await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
    const traffic = new Traffic('127.0.0.1', (server.address() as AddressInfo).port, udp.address().port);
    traffic.start();
    try {
      await until('requests of every kind', () => datagrams > 0 && ports.size > 1 && [...ports.values()].some((asked) => asked > 1));
    } finally {
      traffic.stop();
      server.closeAllConnections();
      server.close();
      udp.close();
    }
  });
});

describe('the demonstration', () => {
  it('finds another port when its own is taken, and lets the configuration have the last word on knobs', async () => {
    const first = await Demonstration.start();
    const taken = createServer();
    // When that fails somebody else has the port, which is as good.
    await new Promise<void>((resolve) => {
      taken.once('error', () => resolve());
      taken.listen(first.httpPort, '127.0.0.1', () => resolve());
    });
    const second = await Demonstration.start();
    try {
      expect(second.httpPort).not.toBe(first.httpPort);
      expect(second.services.map(({ at }) => at)).toEqual([`tcp://127.0.0.1:${second.httpPort}`, `udp://127.0.0.1:${second.udpPort}`]);
      for (const { reals } of second.services) expect(new Set(reals.map(({ at }) => at)).size).toBe(3);
      const knobs = second.withKnobs([{ name: 'timeout_udp', value: '77', origin: 'flag --knob' }]);
      expect(knobs.filter(({ name }) => name === 'timeout_udp')).toEqual([{ name: 'timeout_udp', value: '77', origin: 'flag --knob' }]);
    } finally {
      taken.close();
      await Promise.all([first.stop(), second.stop()]);
    }
  });
});
