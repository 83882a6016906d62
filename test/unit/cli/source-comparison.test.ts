import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/cli/address.js';
import { compareSource, type Sides } from '../../../src/cli/source-comparison.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { WAIT_MS } from '../../support/patience.js';

/** A number, or what a connection without one is known by. */
type Conn = bigint | string;

function event(conn: Conn): InstanceType<typeof v1.ConnEvent> {
  return new v1.ConnEvent({
    conn_id: toLong(typeof conn === 'bigint' ? conn : 0n),
    protocol: 6,
    client_addr: parseAddress('10.0.0.9') ?? new Uint8Array(16),
    client_port: typeof conn === 'bigint' ? Number(conn) : Number(conn.slice(1)),
    virtual_addr: parseAddress('10.0.0.2') ?? new Uint8Array(16),
    virtual_port: 80,
    real_addr: parseAddress('10.0.1.1') ?? new Uint8Array(16),
    real_port: 8080,
  });
}

/** Each list, and each look into the log, is the next of a script; the last one stays. */
function sides(lists: readonly (readonly Conn[])[], logs: readonly (readonly bigint[])[], more: Partial<Sides> = {}): Sides {
  let listed = 0;
  let looked = 0;
  return {
    list: async (each) => {
      for (const conn of lists[Math.min(listed++, lists.length - 1)] ?? []) each(event(conn));
    },
    sequence: async () => 1n,
    lacks: async () => 0,
    openInLog: async () => new Set(logs[Math.min(looked++, logs.length - 1)] ?? []),
    describe: async (ids) => ids.map((id) => ({ only: 'log', conn_id: String(id), protocol: 'tcp', client: '', virtual: '', real: '' })),
    ...more,
  };
}

const compare = (...given: Parameters<typeof sides>) => compareSource(sides(...given), { pauseMs: 0, waitMs: 0 });

describe('the source compared with the log', () => {
  it('agrees', async () => {
    expect(await compare([[1n, 2n]], [[1n, 2n]])).toEqual({
      checked: true,
      reason: null,
      listed: 2,
      open_in_log: 2,
      only_source: 0,
      only_log: 0,
      examples: [],
      behind: 0,
      ok: true,
    });
  });

  it('differs in what stays so, with examples', async () => {
    const report = await compare([[1n, 2n, '#7']], [[1n, 3n]]);
    expect(report).toMatchObject({ listed: 3, open_in_log: 2, only_source: 2, only_log: 1, ok: false });
    expect(report.examples).toEqual([
      { only: 'source', conn_id: '2', protocol: 'tcp', client: '10.0.0.9:2', virtual: '10.0.0.2:80', real: '10.0.1.1:8080' },
      { only: 'source', conn_id: '0', protocol: 'tcp', client: '10.0.0.9:7', virtual: '10.0.0.2:80', real: '10.0.1.1:8080' },
      expect.objectContaining({ only: 'log', conn_id: '3' }),
    ]);
  });

  it('does not call different what came or went between the two lists', async () => {
    // 2 went, 3 came; the log has neither, or both.
    expect(
      (
        await compare(
          [
            [1n, 2n],
            [1n, 3n],
          ],
          [[1n]],
        )
      ).ok,
    ).toBe(true);
    expect(
      (
        await compare(
          [
            [1n, 2n],
            [1n, 3n],
          ],
          [[1n, 2n, 3n]],
        )
      ).ok,
    ).toBe(true);
    expect((await compare([[1n, '#2'], [1n]], [[1n]])).ok).toBe(true);
  });

  it('does not call different what was on its way into the log', async () => {
    expect((await compare([[1n, 2n]], [[1n], [1n], [1n, 2n]])).ok).toBe(true);
    expect((await compare([[1n]], [[1n, 2n], [1n]])).ok).toBe(true);
    // Read from the kernel only later: then it has a number.
    expect((await compare([['#2'], ['#2'], [2n]], [[], [2n]])).ok).toBe(true);
  });

  it('does not add up differences of different moments', async () => {
    // At every moment another one is on its way.
    const lists = Array.from({ length: 16 }, (_, at) => [BigInt(Math.floor(at / 2) + 1)]);
    expect((await compare(lists, [[]])).ok).toBe(true);
  });

  it('asks the log only when it has what the capture had after the first list', async () => {
    const asked: string[] = [];
    let lacking = 3;
    const report = await compareSource(
      sides([[1n]], [[1n]], {
        sequence: async () => {
          asked.push('sequence');
          return 5n;
        },
        lacks: async (sequence) => {
          asked.push(`lacks ${sequence}`);
          return --lacking;
        },
        openInLog: async () => {
          asked.push('open');
          return new Set([1n]);
        },
      }),
      { waitMs: WAIT_MS },
    );
    expect(report.ok).toBe(true);
    expect(asked).toEqual(['sequence', 'lacks 5', 'lacks 5', 'lacks 5', 'open']);
  });

  it('says how far the log is behind when that stands still, so that it is not taken for a difference', async () => {
    const report = await compare([[1n, 2n]], [[1n]], { lacks: async () => 7 });
    expect(report).toMatchObject({ checked: true, only_source: 1, behind: 7, ok: false });
  });
});
