import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { exitCodeOf, sentence } from '../../../src/cli/failure.js';
import { program } from '../../../src/cli/program.js';
import { MessageType } from '../../../src/wire/message.js';
import { FakeCapture } from '../support/fake-capture.js';
import { withDirectory } from '../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

const connection = (port: number) => ({
  kind: 'snapshot',
  protocol: 6,
  client_addr: parseAddress('10.0.0.9'),
  client_port: port,
  real_addr: parseAddress('10.0.1.1'),
  real_port: 80,
});

/** The exit code, and the sentence when it is not 0. */
async function run(args: readonly string[]): Promise<{ code: number; err: string }> {
  try {
    await (await program()).parseAsync(['node', 'vslog', 'conn', ...args]);
    return { code: 0, err: '' };
  } catch (error) {
    return { code: exitCodeOf(error), err: sentence(error) };
  }
}

/** Runs `vslog conn ...` against a capture of the test's. */
async function conn(
  args: string,
  prepare: (capture: FakeCapture) => void = () => undefined,
): Promise<{ code: number; out: string; err: string; filters: FakeCapture['filters'] }> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  return withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const capture = new FakeCapture(socket);
    capture.connections = [connection(2), connection(1)];
    prepare(capture);
    await capture.listen();
    try {
      return { ...(await run([...args.split(' '), '--socket', socket])), out, filters: capture.filters };
    } finally {
      await capture.close();
    }
  });
}

describe('conn ls', () => {
  it('asks with every filter', async () => {
    const { code, filters } = await conn(
      'ls --client 10.0.0.0/8 --vs :443 --real 10.0.1.1:80 --fwmark 7 --state TIME_WAIT --no-template --older-than 5m --idle 1s --quiesced',
    );
    expect(code).toBe(0);
    expect(filters).toEqual([
      {
        type: MessageType.connList,
        filter: {
          client: { address: Buffer.from(parseAddress('10.0.0.0') ?? []), prefix: 104 },
          virtual_service: { address: Buffer.alloc(16), port: 443 },
          real: { address: Buffer.from(parseAddress('10.0.1.1') ?? []), prefix: 128, port: 80 },
          protocol: 6,
          fwmark: 7,
          state: 5,
          is_template: false,
          idle_ns: '1000000000',
          older_ns: '300000000000',
          quiesced: true,
        },
      },
    ]);
  });

  it('prints a table, or an array', async () => {
    expect((await conn('ls')).out).toMatch(/10\.0\.0\.9:1 .*10\.0\.0\.9:2 .*\n2 connections\n$/s);
    const events = JSON.parse((await conn('ls --json')).out) as object[];
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ node: 'node-a', kind: 'snapshot', client_addr: '10.0.0.9', client_port: 2, real_addr: '10.0.1.1' });
    expect(
      (
        await conn('ls --json', (capture) => {
          capture.connections = [];
        })
      ).out,
    ).toBe('[]\n');
  });
});

describe('conn expire', () => {
  it('ends what matches, and says how many', async () => {
    const { out, filters } = await conn('expire --real 10.0.1.1');
    expect(out).toBe('2 connections ended\n');
    expect(filters.map(({ type }) => type)).toEqual([MessageType.connExpire]);
    expect((await conn('expire --all -o jsonl')).out).toBe('{"matched":2,"ended":2,"others":0,"steps":[]}\n');
  });

  it('only counts in a dry run', async () => {
    const { out, filters } = await conn('expire --real 10.0.1.1 --dry-run');
    expect(out).toBe('2 connections would end\n');
    expect(filters.map(({ type }) => type)).toEqual([MessageType.connExpire]);
  });

  it('wants a filter or --all, and not both', async () => {
    for (const args of ['expire', 'expire --dry-run', 'expire --all --real 10.0.1.1']) {
      const { code, err, filters } = await conn(args);
      expect({ code, filters, err }, args).toEqual({ code: 2, filters: [], err: expect.stringMatching(/^[^\n]+\.$/) });
    }
  });
});

describe('conn', () => {
  const refused = (code: number) =>
    conn('ls', (capture) => {
      capture.refusal = { code, message: 'That is not for you.' };
    });

  it('has an exit code for every no', async () => {
    expect(await refused(1)).toMatchObject({ code: 6, err: 'That is not for you.' });
    expect(await refused(95)).toMatchObject({ code: 4, err: 'That is not for you.' });
    expect(await refused(22)).toMatchObject({ code: 1 });
  });

  it('says that no capture runs', async () => {
    expect(await run(['ls', '--socket', '/nowhere/capture.sock'])).toEqual({
      code: 3,
      err: expect.stringMatching(/^There is no capture at \/nowhere\/capture\.sock: start .*\.$/),
    });
  });
});
