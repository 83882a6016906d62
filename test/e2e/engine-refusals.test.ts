import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort, listen } from '../support/ports.js';
import { Vslog } from './support/vslog.js';

describe('a set-up of the engine that cannot be', () => {
  const vslog = new Vslog();
  afterAll(() => vslog.clean());

  /** Runs `up`, which must end by itself with one sentence before it has made anything. */
  async function refused(...args: string[]): Promise<{ code: number | null; said: string }> {
    const up = vslog.up('--source', 'engine', ...args);
    const code = await up.ended;
    return { code, said: up.said };
  }

  it('is told by option before anything starts', async () => {
    const service = ['--service', 'tcp://127.0.0.1:1', '--real', '127.0.0.1:2'];
    const cases: [string[], RegExp][] = [
      [
        [...service, '--service', 'tcp://127.0.0.1:1'],
        /^vslog: flag --service: .*"tcp:\/\/127\.0\.0\.1:1": there is a service at this address already/,
      ],
      [
        ['--service', 'tcp://127.0.0.1:1', '--real', '127.0.0.1:2,weight=-1'],
        /^vslog: flag --real 127\.0\.0\.1:2,weight=-1: .*whole number from 0/,
      ],
      [['--service', 'tcp://127.0.0.1:1', '--real', '127.0.0.1:2,upper=1,lower=2'], /^vslog: flag --real .*: it must not be above upper/],
      [['--service', 'tcp://127.0.0.1:1', '--scheduler', 'wr'], /^vslog: .* --scheduler: .*; did you mean wrr\?$/],
      [[...service, '--knob', 'expire_nodest_con=1'], /^vslog: flag --knob: .*expire_nodest_con/],
      [[...service, '--knob', 'drop_entry=9'], /^vslog: flag --knob: .*drop_entry/],
    ];
    await Promise.all(
      cases.map(async ([args, sentence]) => {
        const { code, said } = await refused(...args);
        expect(said.trimEnd(), args.join(' ')).toMatch(sentence);
        expect({ code, lines: said.trimEnd().split('\n').length }, said).toEqual({ code: 2, lines: 1 });
      }),
    );
    expect(existsSync(join(vslog.dir, 'data'))).toBe(false);
  });

  it('is a real server that is the service itself, at the start and later', async () => {
    const self = await refused('--service', 'tcp://127.0.0.1:22080', '--real', '127.0.0.1:22080');
    expect(self.code).toBe(2);
    expect(self.said.trimEnd()).toMatch(/^vslog: flag --service .*: its real server 127\.0\.0\.1:22080 is the service itself: .*\.$/);
    const port = await freePort();
    const up = vslog.up('--source', 'engine', '--store', 'none', '--service', `tcp://[::ffff:127.0.0.1]:${port}`, '--real', '127.0.0.1:1');
    await up.says(/ready: connections are recorded/);
    expect(vslog.run('vs', 'ls', '--columns', 'service', '-o', 'csv', '--no-headers').out.trim()).toBe(`tcp 127.0.0.1:${port}`);
    const added = vslog.run('rs', 'add', `127.0.0.1:${port}`, `127.0.0.1:${port}`);
    expect(added.code).not.toBe(0);
    expect(added.err).toContain(`its real server 127.0.0.1:${port} is the service itself`);
    expect(await up.end()).toBe(0);
  });

  it('is a file of packets that is not there', async () => {
    const { code, said } = await refused('--service', 'tcp://127.0.0.1:1', '--real', '127.0.0.1:2', '--pcap', '/nowhere.pcap');
    expect(said.split('\n').filter((line) => line.startsWith('vslog: '))).toEqual([expect.stringContaining('/nowhere.pcap')]);
    expect([2, 4]).toContain(code);
  });

  it('is told by file and line by config check, whoever finds it', () => {
    const file = join(vslog.dir, 'vslog.toml');
    writeFileSync(
      file,
      '[capture]\nsource = "engine"\n[engine.knobs]\nexpire_nodest_con = 1\n[[service]]\nat = "tcp://127.0.0.1:1"\nreal = [{ at = "127.0.0.1:2" }]\n',
    );
    const { code, err } = vslog.run('config', 'check', file);
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(`^${file}:4: .*expire_nodest_con.*\n$`));
    // All of them at once, and what is right is not named.
    writeFileSync(
      file,
      '[engine.knobs]\nconn_reuse_mode = 2\nsloppy_tcp = 2\ntimeout_tcp = 0\ndrop_entry = -1\nexpire_nodest_conn = "1"\nconn_reuse_old_conntrack = 1\n',
    );
    const knobs = vslog.run('config', 'check', file);
    expect(knobs.code).toBe(2);
    const wrong = [
      [3, 'sloppy_tcp=2'],
      [4, 'timeout_tcp=0'],
      [5, 'drop_entry=-1'],
      [7, 'conn_reuse_old_conntrack=1'],
    ] as const;
    const lines = knobs.err.trimEnd().split('\n').sort();
    expect(lines).toEqual(wrong.map(([line, knob]) => expect.stringContaining(`${file}:${line}: --knob ${knob}: `)));
    writeFileSync(file, '[[service]]\nat = "tcp://127.0.0.1:1"\n');
    expect(vslog.run('config', 'check', file)).toEqual({
      code: 0,
      out: `${file}: ok\n`,
      err: `${file}:1: service tcp://127.0.0.1:1 has no real servers, so nobody can be served there.\n`,
    });
  });

  it('is a port in use: one sentence, and nothing stays', async () => {
    const other = createServer();
    const port = await listen(other);
    const free = await freePort();
    try {
      const { code, said } = await refused(
        ...['--service', `tcp://127.0.0.1:${free}`, '--real', '127.0.0.1:2'],
        ...['--service', `tcp://127.0.0.1:${port}`, '--real', '127.0.0.1:2'],
      );
      expect(code).toBe(3);
      const sentences = said.split('\n').filter((line) => line.includes(`127.0.0.1:${port}`));
      expect(sentences).toEqual([expect.stringMatching(/^vslog: .*\.$/)]);
      expect(vslog.run('conn', 'ls')).toMatchObject({
        code: 3,
        err: expect.stringMatching(/^vslog: There is no capture|^vslog: Nobody listens/),
      });
    } finally {
      other.close();
    }
  });

  it('is a source that has no connections to end', async () => {
    const up = vslog.up('--source', 'scripted', '--scripted-rate', '10');
    await up.says(/capture: ready/);
    expect(vslog.run('conn', 'ls')).toMatchObject({ code: 4, err: expect.stringMatching(/^vslog: .*scripted.*\.\n$/) });
    expect(vslog.run('conn', 'expire', '--all')).toMatchObject({ code: 4, err: expect.stringMatching(/^vslog: .*scripted.*\.\n$/) });
    expect(await up.end()).toBe(0);
  });
});
