import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, sentence } from '../../../../src/cli/failure.js';
import { program } from '../../../../src/cli/program.js';
import { commandName, knobs } from '../../../../src/knob/catalogue.js';
import { crc32c } from '../../../../src/wire/crc32c.js';
import { MessageType } from '../../../../src/wire/message.js';
import { toLong, v1 } from '../../../../src/wire/proto.js';
import { until } from '../../../support/patience.js';
import { EPOCH } from '../../support/batches.js';
import { FakeKnobs, fakeStore } from '../../support/fake-knobs.js';
import { withDirectory } from '../../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

async function run(args: readonly string[]): Promise<{ code: number; err: string }> {
  try {
    const vslog = await program();
    await vslog.parseAsync(['node', 'vslog', 'knob', ...args]);
    return { code: 0, err: '' };
  } catch (error) {
    return { code: exitCodeOf(error), err: sentence(error) };
  }
}

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly capture: FakeKnobs;
}

/** Runs `vslog knob ...` against a capture of the test's. FILE is a file with `file`. */
async function knob(
  args: string | readonly string[],
  prepare: (capture: FakeKnobs) => void = () => undefined,
  { file = '', while: meanwhile = () => undefined }: { file?: string; while?: (out: () => string) => void | Promise<void> } = {},
): Promise<Result> {
  let out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    out += String(chunk);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  return withDirectory(async (dir) => {
    const socket = join(dir, 'capture.sock');
    const path = join(dir, 'knobs');
    writeFileSync(path, file);
    const capture = new FakeKnobs(socket);
    prepare(capture);
    await capture.listen();
    try {
      const words = (typeof args === 'string' ? args.split(' ') : args).map((word) => (word === 'FILE' ? path : word));
      const running = run([...words, '--socket', socket]);
      await meanwhile(() => out);
      const { code, err } = await running;
      return { code, err: err.replaceAll(path, 'FILE'), out: out.replaceAll(path, 'FILE'), capture };
    } finally {
      await capture.close();
    }
  });
}

const sets = ({ capture }: Result) => capture.requests.filter(({ type }) => type === MessageType.knobSet).map(({ message }) => message);

describe('knob ls', () => {
  it('has every knob, and marks what is not the default', async () => {
    const { out } = await knob('ls', (capture) => {
      capture.put('expire_nodest_conn', { value: '1' });
      capture.put('sync_threshold', { value: '3\t50' });
      capture.put('conn_max', { value: '', problem: 'This kernel has none.' });
    });
    expect(out).toMatch(/expire_nodest_conn +1 \* +0 /);
    expect(out).toMatch(/expire_quiescent_template +0 +0 /);
    expect(out).toMatch(/conn_max +This kernel has none\./);
    expect(out).toMatch(/service_scheduler +of each service /);
    expect(out).toMatch(/real_weight +of each real server /);
    expect(out.match(/ \* /g)).toHaveLength(1);
    expect(out).toContain(`${knobs.length} knobs`);
  });

  it('takes a pattern, a group, --changed and --json', async () => {
    const names = async (args: string): Promise<unknown[]> => {
      const { out } = await knob(`ls ${args} --json`, (capture) => capture.put('timeout_udp', { value: '30' }));
      return (JSON.parse(out) as { name: string }[]).map(({ name }) => name);
    };
    expect(await names('timeout-tcp --group timeouts')).toEqual(['timeout_tcp', 'timeout_tcpfin']);
    expect(await names('timeout_*p')).toEqual(['timeout_tcp', 'timeout_udp']);
    expect(await names('--changed')).toEqual(['timeout_udp']);
    expect(await knob('ls --group nothing')).toMatchObject({ code: 2, err: expect.stringContaining('expiry, timeouts') });
    const { out } = await knob('ls conn_max --json --netns blue', (capture) => capture.put('conn_max', { problem: 'No.' }));
    expect(JSON.parse(out)).toEqual([expect.objectContaining({ name: 'conn_max', value: null, default: null, problem: 'No.' })]);
  });
});

describe('knob get', () => {
  it('prints one value bare, several with names', async () => {
    expect((await knob('get timeout-tcp')).out).toBe('900\n');
    expect((await knob('get timeout_tcp net.ipv4.vs.conntrack')).out).toBe('timeout_tcp=900\nconntrack=0\n');
    expect(JSON.parse((await knob('get timeout_tcp --json')).out)).toMatchObject([{ name: 'timeout_tcp', value: 900, unit: 's' }]);
  });

  it('says what is wrong', async () => {
    expect(await knob('get expire_nodest_con')).toMatchObject({ code: 2, err: expect.stringContaining('do you mean expire_nodest_conn?') });
    expect(await knob('get real_weight')).toMatchObject({ code: 2, err: expect.stringContaining('vslog knob real-weight --vs') });
    const gone = await knob('get conn_max', (capture) => capture.put('conn_max', { problem: 'This kernel has none.' }));
    expect(gone).toMatchObject({ code: 4, err: 'conn_max has no value here: This kernel has none.' });
  });
});

describe('knob set', () => {
  it('sets all at once, in the units of the knobs', async () => {
    const result = await knob('set timeout_tcp=15m timeout_udp=30s expire-nodest-conn=yes --netns blue');
    expect(result.out).toBe('timeout_tcp: 900 already\ntimeout_udp: 300 → 30\nexpire_nodest_conn: 0 → 1\n');
    expect(sets(result)).toEqual([
      {
        assignments: [
          { name: 'timeout_tcp', value: '900' },
          { name: 'timeout_udp', value: '30' },
          { name: 'expire_nodest_conn', value: '1' },
        ],
        netns: 'blue',
      },
    ]);
  });

  it('changes nothing in a dry run', async () => {
    const result = await knob('set drop_entry=3 --dry-run --json');
    expect(JSON.parse(result.out)).toEqual([{ name: 'drop_entry', old_value: 0, new_value: 3 }]);
    expect(sets(result)).toMatchObject([{ dry_run: true }]);
  });

  it('asks the capture nothing when something is wrong', async () => {
    const bad = ['expire_nodest_conn=2', 'expire_nodest_conn', 'nothing=1', 'real_weight=1', 'drop_entry=1 drop-entry=2'];
    for (const args of bad) {
      const result = await knob(`set ${args}`);
      expect(result, args).toMatchObject({ code: 2, err: expect.stringMatching(/^[^\n]+[.?]$/) });
      expect(result.capture.requests).toEqual([]);
    }
  });

  it('has an exit code for every no', async () => {
    for (const [code, exit] of [
      [1, 6],
      [95, 4],
      [22, 1],
    ] as const) {
      const refused = await knob('set drop_entry=3', (capture) => {
        capture.refusal = { code, message: 'That is not for you.' };
      });
      expect(refused).toMatchObject({ code: exit, err: 'That is not for you.' });
    }
  });
});

describe('knob reset', () => {
  const changed = (capture: FakeKnobs): void => {
    capture.put('timeout_udp', { value: '30' });
    capture.put('drop_entry', { value: '3' });
    capture.put('conn_max', { value: '5' });
    capture.put('capture_linger', { value: '9', settable: false });
  };

  it('sets named ones to the default', async () => {
    expect((await knob('reset timeout_udp drop_entry', changed)).out).toBe('timeout_udp: 30 → 300\ndrop_entry: 3 → 0\n');
    expect(await knob('reset conn_max', changed)).toMatchObject({ code: 2, err: expect.stringContaining('no fixed default') });
  });

  it('sets a group or all, and passes over what has no default or cannot be set', async () => {
    expect((await knob('reset --group timeouts --yes', changed)).out).toBe('timeout_udp: 30 → 300\n');
    const all = await knob('reset --all --dry-run', changed);
    expect(all.out).toBe('timeout_udp: 30 → 300\ndrop_entry: 3 → 0\n');
    expect(sets(all)).toMatchObject([{ dry_run: true }]);
    expect((await knob('reset --all --yes')).out).toBe('every knob has its default already\n');
  });

  it('wants one way to say which, and --yes where nobody can be asked', async () => {
    for (const args of ['reset', 'reset --all drop_entry', 'reset --all --group sync']) expect((await knob(args)).code, args).toBe(2);
    const result = await knob('reset --all', changed);
    expect(result).toMatchObject({ code: 2, err: '2 knobs would be set: say --yes, or --dry-run to see which.' });
    expect(sets(result)).toEqual([]);
  });
});

describe('knob diff', () => {
  it('compares with the defaults', async () => {
    expect(await knob('diff')).toMatchObject({ code: 0, out: 'nothing differs\n' });
    const { code, out, err } = await knob('diff --json', (capture) => capture.put('timeout_udp', { value: '30' }));
    expect({ code, err, found: JSON.parse(out) }).toEqual({
      code: 1,
      err: '',
      found: [{ name: 'timeout_udp', value: 30, other: 300 }],
    });
  });

  it('compares with a file', async () => {
    const file = 'timeout_tcp = 15m # as it is\ndrop_entry=3\n';
    const { code, out } = await knob('diff FILE', undefined, { file });
    expect(code).toBe(1);
    expect(out).toMatch(/drop_entry +0 +3\n/);
    expect(out).toMatch(/1 knob differs\n$/);
  });

  it('compares with another capture', async () => {
    await withDirectory(async (dir) => {
      const other = new FakeKnobs(join(dir, 'other.sock'));
      other.put('drop_entry', { value: '2' });
      other.put('conn_max', { value: '', problem: 'No.' });
      await other.listen();
      const { code, out } = await knob(['diff', '--json', '--other-socket', join(dir, 'other.sock')]);
      await other.close();
      expect(code).toBe(1);
      expect(JSON.parse(out)).toEqual([
        { name: 'drop_entry', value: 0, other: 2 },
        { name: 'conn_max', value: 0, other: null },
      ]);
    });
  });
});

describe('knob apply', () => {
  it('sets what differs, at once', async () => {
    const result = await knob('apply FILE', undefined, { file: '# ours\ntimeout_tcp = 900\ntimeout_udp = 30s\ndrop_entry = 3\n' });
    expect(result.out).toBe('timeout_udp: 300 → 30\ndrop_entry: 0 → 3\n');
    expect(sets(result)).toHaveLength(1);
  });

  it('takes back what ls printed', async () => {
    const { out: file } = await knob('ls --json', (capture) => capture.put('drop_entry', { value: '3' }));
    const result = await knob('apply FILE', undefined, { file });
    expect({ code: result.code, err: result.err, out: result.out }).toEqual({ code: 0, err: '', out: 'drop_entry: 0 → 3\n' });
  });

  it('leaves alone what a machine has, though it cannot be set to that', async () => {
    const file = '[{"name":"timeout_udp","value":"0"}]';
    const prepare = (capture: FakeKnobs): void => capture.put('timeout_udp', { value: '0' });
    expect(await knob('apply FILE', prepare, { file })).toMatchObject({ code: 0, out: 'every knob has its value already\n' });
    expect(await knob('apply FILE', undefined, { file })).toMatchObject({
      code: 4,
      err: expect.stringMatching(/^FILE:1: timeout_udp takes a time/),
    });
  });

  it('has a sentence for every bad line, and then sets nothing', async () => {
    const result = await knob('apply FILE', undefined, { file: 'drop_entry = 9\nnothing = 1\ntimeout_tcp\nreal_weight = 1\n' });
    expect(result.code).toBe(2);
    expect(result.err.split('\n').map((line) => line.slice(0, 7))).toEqual(['FILE:3:', 'FILE:1:', 'FILE:2:', 'FILE:4:']);
    expect(result.capture.requests).toEqual([]);
    const readOnly = await knob('apply FILE', undefined, { file: 'conn_tab_bits = 16\ncapture_ring_size = 32M\n' });
    expect(readOnly).toMatchObject({
      code: 4,
      err: expect.stringContaining('FILE:2: capture_ring_size is 16777216, and works from the next start'),
    });
    expect(sets(readOnly)).toEqual([]);
  });
});

describe('knob watch', () => {
  const batch = (...events: Parameters<typeof v1.ControlEvent.encodeDelimited>[0][]) => {
    const body = Buffer.concat(events.map((event) => v1.ControlEvent.encodeDelimited(event).finish()));
    const count = events.length;
    return {
      record: 'control' as const,
      node: 'node-a',
      epoch: EPOCH,
      first: 1n,
      last: BigInt(count),
      count,
      crc32c: crc32c(body),
      filtered: false,
      body,
    };
  };
  const changed = (name: string) => ({
    kind: v1.ControlKind.Value.knob_changed,
    time_ns: toLong(1_700_000_000_000_000_001n),
    name,
    old_value: '0',
    new_value: '1',
    uid: 0,
    login_uid: 1000,
    pid: 12,
    command: 'sysctl -w x=1',
    parent_pid: 7,
    parent_command: 'bash',
    through: v1.Through.Value.sysctl,
  });
  const stop = async (out: () => string): Promise<void> => {
    await until('a change was printed', () => out().includes('\n'));
    process.emit('SIGINT');
  };
  const prepare = (capture: FakeKnobs): void => {
    capture.batches = [batch(changed('drop_entry'), changed('net.ipv4.vs.expire_nodest_conn'))];
  };

  it('prints what, and who', async () => {
    const { code, out, capture } = await knob('watch expire_nodest_conn', prepare, { while: stop });
    expect(code).toBe(0);
    expect(out).toBe(
      '2023-11-14 22:13:20Z expire_nodest_conn: 0 → 1, by sysctl -w x=1 (pid 12, uid 0, login uid 1000), parent bash (pid 7), through sysctl\n',
    );
    expect(capture.requests).toMatchObject([{ type: MessageType.eventSubscribe, message: { groups: ['knob'] } }]);
  });

  it('prints an object a line', async () => {
    const { out } = await knob('watch --json', prepare, { while: stop });
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { name: string }).name),
    ).toEqual(['drop_entry', 'net.ipv4.vs.expire_nodest_conn']);
  });
});

describe('the command of each knob', () => {
  it('is there, with the doc line in the help of knob', async () => {
    const room = (await program()).commands.find((one) => one.name() === 'knob');
    const help = room?.createHelp();
    for (const one of knobs) {
      const own = room?.commands.find((each) => each.name() === commandName(one));
      expect(own === undefined ? '' : help?.subcommandDescription(own)).toBe(one.doc);
    }
  });

  it('prints the value, and sets it', async () => {
    expect((await knob('expire-nodest-conn')).out).toMatch(/^0 {2}A connection whose real server was removed/);
    expect((await knob('expire_nodest_conn 1')).out).toBe('expire_nodest_conn: 0 → 1\n');
    expect((await knob('est-nice -5')).out).toBe('est_nice: 0 → -5\n');
    expect(await knob('timeout-tcp soon')).toMatchObject({ code: 2, err: expect.stringMatching(/^timeout_tcp takes a time/) });
  });
});

describe('what the log says', () => {
  const row = ['2026-01-02 03:04:05.000000006', '0', '1', 0, 4294967295, 12, 'sysctl -w x=1', 7, 'bash', 'sysctl', 'node-a'];
  const withStore = async (args: string, rows: (sql: string) => readonly (readonly unknown[])[]) =>
    withDirectory(async (dir) => {
      const store = await fakeStore(join(dir, 'api.sock'), rows);
      try {
        return { ...(await knob([...args.split(' '), '--api-socket', join(dir, 'api.sock')])), queries: store.queries };
      } finally {
        await store.close();
      }
    });

  it('is in explain, after what the catalogue says', async () => {
    const { out } = await withStore('explain expire_nodest_conn', (sql) =>
      sql.includes('AS packets') ? [['10.0.0.1:80', '3', '40', '2']] : sql.includes("'nodest_drop'") ? [['2']] : [],
    );
    expect(out).toContain('value     0\n');
    expect(out).toMatch(/10\.0\.0\.1:80 +3 +40 +2\n/);
    expect(out).toContain('Connections that 1 would have ended instead, in the last hour: 2\n');
    expect(out).toContain('No connection was ended for that in the last hour.\n');
    const other = await withStore('explain drop_packet', () => [row]);
    expect(other.out).toContain('0 → 1, by sysctl -w x=1 (pid 12, uid 0), parent bash (pid 7), through sysctl');
  });

  it('is one sentence when there is no collector', async () => {
    const { code, out } = await knob('explain expire_nodest_conn --api-socket /nowhere/api.sock');
    expect(code).toBe(0);
    expect(out).toMatch(/What the log says\nThe log could not be asked\. No collector listens at \/nowhere\/api\.sock[^\n]*\n$/);
  });
});

describe('knob log', () => {
  it('prints changes, and asks for both names', async () => {
    await withDirectory(async (dir) => {
      let out = '';
      vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
        out += String(chunk);
        return true;
      });
      const path = join(dir, 'api.sock');
      const store = await fakeStore(path, () => [['2026-01-31 12:00:00.000000001', '0', '', 0, 0, 0, '', 0, '', 'unknown', 'n']]);
      expect(await run(['log', 'timeout_tcp', '--limit', '5', '--api-socket', path])).toEqual({ code: 0, err: '' });
      expect(await run(['log', 'timeout_tcp', '--limit', '0', '--api-socket', path])).toMatchObject({ code: 2 });
      await store.close();
      expect(out).toBe('2026-01-31 12:00:00Z 0 → "", not known by whom\n');
      expect(store.queries).toHaveLength(1);
      expect(store.queries[0]).toMatch(/name IN \('timeout_tcp', 'net\.ipv4\.vs\.timeout_tcp'.* LIMIT 5$/);
    });
  });
});
