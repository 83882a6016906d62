import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exitCodeOf, sentence } from '../../../src/cli/failure.js';
import { serviceFilterOf } from '../../../src/cli/place.js';
import { program } from '../../../src/cli/program.js';
import { valuesOf } from '../../../src/cli/report-values.js';
import { findKnob } from '../../../src/knob/catalogue.js';
import { changes, changeText, whatText, whoText } from '../../../src/report/changes.js';
import type { Row } from '../../../src/report/report.js';
import { userNames } from '../../../src/report/users.js';
import { fakeStore } from '../support/fake-knobs.js';
import { withDirectory } from '../support/temporary.js';

afterEach(() => vi.restoreAllMocks());

const NOT_KNOWN = 0xffff_ffff;
const KNOB: Row = {
  time: Date.UTC(2026, 1, 3, 4, 5, 6),
  kind: 'knob_changed',
  name: 'expire_nodest_conn',
  service: '',
  real_server: '',
  old_value: '0',
  new_value: '1',
  uid: 0,
  login_uid: 1000,
  pid: 12,
  command: 'vslog',
  parent_pid: 7,
  parent_command: 'bash',
  through: 'vslog',
  detail: '',
  netns: 4026531840,
  node: 'a',
};
const SERVICE: Row = { ...KNOB, kind: 'service_changed', name: '', service: 'tcp 192.0.2.1:80' };
const REAL: Row = { ...SERVICE, kind: 'real_changed', real_server: '192.0.2.11:8080' };
const NOBODY = { uid: NOT_KNOWN, login_uid: NOT_KNOWN, pid: 0, command: '', parent_pid: 0, parent_command: '', through: 'unknown' };
const USERS = new Map([
  [0, 'root'],
  [1000, 'alice'],
]);

describe('report changes', () => {
  it('names what was changed', () => {
    expect(whatText(KNOB)).toBe('expire_nodest_conn');
    expect(whatText({ ...KNOB, name: 'net.ipv4.vs.drop_entry' })).toBe('drop_entry');
    expect(whatText({ ...KNOB, name: 'of_another_version' })).toBe('of_another_version');
    expect(whatText(SERVICE)).toBe('tcp 192.0.2.1:80');
    expect(whatText(REAL)).toBe('real server 192.0.2.11:8080 of tcp 192.0.2.1:80');
    expect(whatText({ ...KNOB, kind: 'subscriber_removed', name: 'collector' })).toBe('subscriber collector');
    expect(whatText({ ...KNOB, kind: 'erased', name: '5f2c91ab' })).toBe('erasure 5f2c91ab');
  });

  it('shows old and new, of a service or real server only what differs', () => {
    expect(changeText(KNOB)).toBe('0 → 1');
    expect(changeText({ ...KNOB, old_value: '' })).toBe('"" → 1');
    expect(changeText({ ...KNOB, kind: 'erase_ordered', old_value: 'address', new_value: '', detail: 'case 17' })).toBe(
      'ordered by address: case 17',
    );
    expect(changeText({ ...KNOB, kind: 'erased', old_value: 'address', new_value: 'connections=3 spool=6' })).toBe(
      'erased: connections=3 spool=6',
    );
    const before = 'weight=1 forward=masq upper=0 lower=0';
    const after = 'weight=0 forward=masq upper=7 lower=0';
    expect(changeText({ ...REAL, old_value: before, new_value: after })).toBe('weight=1 upper=0 → weight=0 upper=7');
    expect(changeText({ ...REAL, old_value: before, new_value: before })).toBe(`${before} as before`);
    expect(changeText({ ...REAL, kind: 'real_added', old_value: '', new_value: after })).toBe(`added: ${after}`);
    expect(changeText({ ...REAL, kind: 'real_removed', old_value: before, new_value: '' })).toBe(`removed: ${before}`);
    expect(changeText({ ...SERVICE, kind: 'service_removed', old_value: '', new_value: '' })).toBe('removed');
  });

  it('names who made it, and says so when nobody knows', () => {
    expect(whoText(KNOB, USERS)).toBe('root (login alice): vslog (pid 12), parent bash (pid 7)');
    expect(whoText({ ...KNOB, login_uid: 0 }, USERS)).toBe('root: vslog (pid 12), parent bash (pid 7)');
    expect(whoText({ ...KNOB, login_uid: NOT_KNOWN, uid: 77, parent_pid: 0 }, USERS)).toBe('uid 77: vslog (pid 12)');
    expect(whoText({ ...KNOB, command: 'x'.repeat(81), parent_pid: 0 }, USERS)).toBe(`root (login alice): ${'x'.repeat(79)}… (pid 12)`);
    const faked = whoText({ ...KNOB, command: 'vslog (pid 1), parent "init" (pid 1)\x1b[8m', parent_pid: 0 }, USERS);
    expect(faked).toBe('root (login alice): "vslog (pid 1), parent \\"init\\" (pid 1)\\x1b[8m" (pid 12)');
    expect(whoText({ ...KNOB, uid: NOT_KNOWN, command: '', parent_command: '' }, USERS)).toBe(
      'unknown user (login alice): unknown program (pid 12), parent unknown program (pid 7)',
    );
    expect(whoText({ ...KNOB, ...NOBODY }, USERS)).toBe('unknown: found by comparison');
    expect(whoText({ ...KNOB, ...NOBODY, detail: 'it was found when the capture started' }, USERS)).toBe(
      'unknown: found by comparison, when the capture started',
    );
    // Of a change without a process the uid is 0, too.
    expect(whoText({ ...KNOB, ...NOBODY, uid: 0, login_uid: 0 }, USERS)).toBe('unknown: found by comparison');
    expect(whoText({ ...KNOB, ...NOBODY, through: 'kernel' }, USERS)).toBe('the kernel');
  });

  it('asks for what was asked', () => {
    const { sql, columns } = changes.question({
      since: 1000,
      until: 2000,
      limit: 7,
      service: serviceFilterOf('vs', 'udp [2001:db8::1]:53'),
    });
    expect(columns[0]).toBe('time');
    expect(sql).toContain(
      "time_ns >= fromUnixTimestamp64Milli(toInt64(1000), 'UTC') AND time_ns < fromUnixTimestamp64Milli(toInt64(2000), 'UTC')",
    );
    expect(sql).toContain("protocol = 17 AND virtual_addr = toIPv6('2001:0db8:0000:0000:0000:0000:0000:0001') AND virtual_port = 53");
    expect(sql).toMatch(/ LIMIT 7$/);
    expect(changes.question({ service: serviceFilterOf('vs', 'fwmark 9 ipv6') }).sql).toContain('(fwmark = 9 AND family = 6)');
    expect(changes.question({ knob: findKnob('nf_conntrack_max') as NonNullable<ReturnType<typeof findKnob>> }).sql).toContain(
      "'net.netfilter.nf_conntrack_max'",
    );
  });
});

it('says so when the log does not keep what was asked', () => {
  const none = (name: string) => changes.question({ knob: findKnob(name) as NonNullable<ReturnType<typeof findKnob>> }).none;
  expect(none('service_netmask')).toBe('The log does not keep service_netmask.');
  expect(none('service_timeout')).toBe('The log has no such change.');
});

describe('what a person may say', () => {
  const NOW = Date.UTC(2026, 1, 3, 12);
  const read = (options: Record<string, unknown>) => valuesOf(changes, options, NOW, 'UTC');
  const refused = (options: Record<string, unknown>): string => {
    try {
      read(options);
    } catch (error) {
      return `${exitCodeOf(error)}: ${sentence(error)}`;
    }
    return '';
  };

  it('is read', () => {
    expect(read({})).toEqual({ since: NOW - 86_400_000, until: NOW, limit: 50 });
    expect(read({ since: '90s', until: 'now', limit: '3' })).toEqual({ since: NOW - 90_000, until: NOW, limit: 3 });
    expect(read({ since: '2026-02-03', until: '2026-02-03T01:02' })).toMatchObject({
      since: Date.UTC(2026, 1, 3),
      until: Date.UTC(2026, 1, 3, 1, 2),
    });
    expect(read({ since: '2026-02-03 01:02:03+01:00' }).since).toBe(Date.UTC(2026, 1, 3, 0, 2, 3));
    expect(read({ name: 'expire-nodest-conn', vs: '192.0.2.1:80' })).toMatchObject({
      knob: { name: 'expire_nodest_conn' },
      service: { protocol: undefined, places: [{ prefix: 128, port: 80 }] },
    });
  });

  it('is refused with a sentence', () => {
    expect(refused({ since: 'tomorrow' })).toMatch(/^2: --since is "tomorrow": it must be a time such as /);
    expect(refused({ until: '2026-13-01' })).toMatch(/^2: --until is "2026-13-01": /);
    expect(refused({ since: '1h', until: '2h' })).toBe('2: --since must be earlier than --until.');
    expect(refused({ limit: '0' })).toMatch(/^2: --limit is "0": /);
    expect(refused({ name: 'expire_nodest' })).toMatch(/^2: There is no knob expire_nodest/);
    expect(refused({ vs: 'x' })).toMatch(/^2: --vs is "x": it must be an address /);
  });
});

it('reads names of users as the C library does', () =>
  withDirectory(async (dir) => {
    const path = join(dir, 'passwd');
    writeFileSync(
      path,
      'root:x:0:0:root:/root:/bin/sh\n# no line\ntoor:x:0:0::/:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbroken\n',
    );
    expect([...userNames(path)]).toEqual([
      [0, 'root'],
      [1000, 'alice'],
    ]);
    expect(userNames(join(dir, 'absent')).size).toBe(0);
  }));

describe('vslog report changes', () => {
  const answer = changes.question({}).columns;

  /** Runs the command against a store that has these rows. */
  async function report(rows: readonly Row[], ...args: string[]): Promise<string> {
    let out = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      out += String(chunk);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    await withDirectory(async (dir) => {
      const socket = join(dir, 'api.sock');
      const store = await fakeStore(socket, () => rows.map((row) => answer.map((name) => row[name])));
      try {
        await (await program()).parseAsync(['node', 'vslog', 'report', 'changes', '--utc', '--api-socket', socket, ...args]);
      } finally {
        await store.close();
      }
    });
    return out;
  }

  it('is a table for people', async () => {
    const out = await report([KNOB, { ...KNOB, ...NOBODY }]);
    expect(out).toMatch(/^time \([^)]+\) +who +what +old → new +through\n/);
    expect(out).toMatch(/\n2026-02-03 04:05:06 +\S.*vslog \(pid 12\), parent bash \(pid 7\) +expire_nodest_conn +0 → 1 /);
    expect(out).toMatch(/unknown: found by comparison/);
    expect(out).toMatch(/\n2 rows\n$/);
    expect(await report([])).toBe('The log has no such change.\n');
  });

  it('is an array for machines, with names of users where there are', async () => {
    const out = JSON.parse(await report([KNOB, { ...KNOB, ...NOBODY }], '--json')) as Row[];
    expect(out[0]).toMatchObject({ ...KNOB, time: '2026-02-03T04:05:06.000Z', user: 'root' });
    expect(out[1]).toMatchObject({ ...NOBODY, user: null, login_user: null });
    expect(await report([], '--json')).toBe('[]\n');
  });
});
