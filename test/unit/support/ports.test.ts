import { spawnSync } from 'node:child_process';
import { connect, createServer, type Server } from 'node:net';
import { expect, it } from 'vitest';
import { COMMAND_MS } from '../../support/patience.js';
import { freePort, freePorts, listen } from '../../support/ports.js';

/** Resolves to the server, or to the code of what the system says. */
function listening(at: string | { readonly port: number; readonly host: string }): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    server.listen(at, () => resolve(server));
  });
}

it('are different, below those that Linux gives to clients, and free', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  for (const port of ports) {
    expect(port).toBeGreaterThanOrEqual(1024);
    expect(port).toBeLessThan(32_768);
    const server = await listening({ port, host: '127.0.0.1' });
    expect(server).not.toBe('EADDRINUSE');
    if (typeof server !== 'string') server.close();
  }
});

it('are reserved: this process gives none twice, and another one sees that it is taken', async () => {
  const [first, second] = [await freePort(), await freePort()];
  expect(first).not.toBe(second);
  expect(await listening(`\0vslog-test-port-${first}`)).toBe('EADDRINUSE');
  const other = `require('node:net').createServer().once('error', ({ code }) => console.log(code)).listen('\\0vslog-test-port-${first}', () => process.exit());`;
  const { stdout } = spawnSync(process.execPath, ['-e', other], { encoding: 'utf8', timeout: COMMAND_MS });
  expect(stdout).toBe('EADDRINUSE\n');
});

it('are none at which somebody listens, or that another process has reserved', async () => {
  const last = await freePort();
  const [foreign, reserved] = [await listening({ port: last + 1, host: '127.0.0.1' }), await listening(`\0vslog-test-port-${last + 2}`)];
  const ports = await freePorts(3);
  expect(ports).not.toContain(last + 1);
  expect(ports).not.toContain(last + 2);
  for (const server of [foreign, reserved]) if (typeof server !== 'string') server.close();
});

it('a server listens at one of loopback, or says why not', async () => {
  const server = createServer((socket) => socket.end('hello'));
  const port = await listen(server);
  const heard = await new Promise<string>((resolve, reject) => {
    connect(port, '127.0.0.1')
      .once('data', (bytes) => resolve(String(bytes)))
      .once('error', reject);
  });
  expect(heard).toBe('hello');
  server.close();
});
