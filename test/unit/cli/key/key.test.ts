import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, sentence } from '../../../../src/cli/failure.js';
import { program } from '../../../../src/cli/program.js';
import { FakeKnobs } from '../../support/fake-knobs.js';
import { withDirectory } from '../../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `vslog key ...` with a key file, and a capture of the test's where `prepare` makes one. */
async function key(runs: readonly string[], prepare?: (capture: FakeKnobs) => void): Promise<{ ran: Ran[]; capture: FakeKnobs }> {
  return withDirectory(async (dir) => {
    const [path, socket] = [join(dir, 'client.key'), join(dir, 'capture.sock')];
    writeFileSync(path, '000102030405060708090a0b0c0d0e0f\n');
    chmodSync(path, 0o600);
    const capture = new FakeKnobs(socket);
    prepare?.(capture);
    if (prepare !== undefined) await capture.listen();
    const ran: Ran[] = [];
    try {
      for (const args of runs) ran.push(await run([...args.split(' '), '--client-key', path, '--socket', socket]));
    } finally {
      if (prepare !== undefined) await capture.close();
    }
    return { ran, capture };
  });
}

async function run(args: readonly string[]): Promise<Ran> {
  let [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    err += String(chunk);
    return true;
  });
  try {
    await (await program()).parseAsync(['node', 'vslog', 'key', ...args]);
    return { code: 0, out, err };
  } catch (error) {
    return { code: exitCodeOf(error), out, err: err + sentence(error) };
  }
}

const OLD = 'fd7e:e39f:6445:895e:1dff:8cce:f2b6:8e4f';

describe('vslog key', () => {
  it('finds the hashes of every key that there was', async () => {
    const { ran } = await key([
      'hash 10.0.0.1',
      'rotate',
      'hash 10.0.0.1',
      'hash 10.0.0.1 --id 5f924cb3',
      'hash 10.0.0.1 --all --json',
      'ls --json',
    ]);
    const [before, rotated, now, old, all, ls] = ran;
    expect(before).toMatchObject({ code: 0, out: `${OLD}\n` });
    expect(rotated?.out).toMatch(/^5f924cb3 → [0-9a-f]{8}\n$/);
    expect(rotated?.err).toMatch(/The old key is kept in .*client\.key\.5f924cb3\./);
    expect(rotated?.err).toContain('No capture listens at');
    const id = rotated?.out.slice(-9, -1);
    expect(now?.out).not.toBe(before?.out);
    expect(old?.out).toBe(before?.out);
    expect(JSON.parse(all?.out ?? '')).toEqual([
      { id: '5f924cb3', hash: OLD },
      { id, hash: now?.out.trim() },
    ]);
    expect(JSON.parse(ls?.out ?? '')).toMatchObject([
      { id: '5f924cb3', current: false },
      { id, current: true },
    ]);
  });

  it('says what is wrong', async () => {
    const { ran } = await key(['hash example.org', 'hash 10.0.0.1 --id 00000000', 'hash 10.0.0.1 --id 00000000 --all']);
    expect(ran.map(({ code, err }) => [code, err])).toEqual([
      [2, '"example.org" is no address: an IPv4 or IPv6 address is wanted.'],
      [1, 'There is no key 00000000 here: there are 5f924cb3.'],
      [2, '--id names one key and --all means every one: leave one of them out.'],
    ]);
  });

  it('has the running capture take the new key', async () => {
    const { ran, capture } = await key(['rotate'], (one) => one.put('capture_client_key', { value: '5f924cb3' }));
    const id = ran[0]?.out.slice(-9, -1);
    expect(ran[0]).toMatchObject({ code: 0 });
    expect(capture.entries.get('capture_client_key')?.value).toBe(id);
  });

  it('says so where the capture does not take it, or hashes nothing', async () => {
    const refused = await key(['rotate'], (one) => {
      one.refusal = { code: 1, message: 'permission denied.' };
    });
    expect(refused.ran[0]?.code).toBe(6);
    expect(refused.ran[0]?.err).toContain(
      'The file has the new key, but the running capture did not take it, and will at its next start: permission denied.',
    );
    const plain = await key(['rotate'], (one) => one.put('capture_client_key', { value: '' }));
    expect(plain.ran[0]).toMatchObject({ code: 0 });
    expect(plain.ran[0]?.err).toContain('The running capture hashes no addresses');
  });
});
