import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, sentence } from '../../../../src/cli/failure.js';
import { program } from '../../../../src/cli/program.js';
import { MessageType } from '../../../../src/wire/message.js';
import { FakeKnobs } from '../../support/fake-knobs.js';
import { withDirectory } from '../../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

const v4 = (last: number): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, last]);
const real = (last: number, weight: string) => ({
  real: { address: v4(last), port: 8080 },
  settings: [{ name: 'real_weight', value: weight }],
});
const service = {
  service: { protocol: 6, family: 4, address: v4(1), port: 80 },
  settings: [{ name: 'service_scheduler', value: 'wrr' }],
  reals: [real(11, '1'), real(12, '5')],
};

async function knob(args: string): Promise<{ code: number; out: string; err: string; changes: object[] }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  return withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const capture = new FakeKnobs(socket);
    capture.services = [service];
    await capture.listen();
    let [code, err] = [0, ''];
    try {
      await (await program()).parseAsync(['node', 'vslog', 'knob', ...args.split(' '), '--socket', socket]);
    } catch (error) {
      [code, err] = [exitCodeOf(error), sentence(error)];
    } finally {
      await capture.close();
    }
    return {
      code,
      out,
      err,
      changes: capture.requests.filter(({ type }) => type === MessageType.serviceChange).map(({ message }) => message),
    };
  });
}

describe('the command of a setting of services or real servers', () => {
  it('shows it of all, or of one', async () => {
    expect((await knob('service-scheduler')).out).toMatch(/tcp 10\.0\.0\.1:80 +wrr\n/);
    expect((await knob('service-scheduler --vs tcp://10.0.0.1:80')).out).toBe('wrr\n');
    expect((await knob('real-weight')).out).toMatch(/10\.0\.0\.11:8080 +1\n.*10\.0\.0\.12:8080 +5\n/s);
    expect((await knob('real-weight --vs tcp://10.0.0.1:80 --rs 10.0.0.12:8080')).out).toBe('5\n');
    expect(JSON.parse((await knob('real_weight --json')).out)).toEqual([
      { service: 'tcp 10.0.0.1:80', real_server: '10.0.0.11:8080', value: 1 },
      { service: 'tcp 10.0.0.1:80', real_server: '10.0.0.12:8080', value: 5 },
    ]);
  });

  it('sets it of one', async () => {
    const { out, changes } = await knob('real-weight 0 --vs tcp://10.0.0.1:80 --rs 10.0.0.12:8080');
    expect(out).toBe('real_weight: 5 → 0\n');
    expect(changes).toMatchObject([{ action: 'set', real: { port: 8080 }, settings: [{ name: 'real_weight', value: '0' }] }]);
    expect((await knob('service-scheduler rr --vs tcp://10.0.0.1:80')).out).toBe('service_scheduler: wrr → rr\n');
  });

  it('wants to know of which', async () => {
    for (const args of [
      'real-weight 0',
      'real-weight 0 --vs tcp://10.0.0.1:80',
      'service-scheduler rr',
      'real-weight --rs 10.0.0.11:8080',
    ]) {
      expect(await knob(args), args).toMatchObject({ code: 2, err: expect.stringMatching(/^[^\n]+\.$/), changes: [] });
    }
    expect(await knob('service-scheduler best --vs tcp://10.0.0.1:80')).toMatchObject({ code: 2, changes: [] });
    expect(await knob('real-weight --vs tcp://10.0.0.1:80 --rs 10.0.0.13:8080')).toMatchObject({ code: 1 });
  });
});
