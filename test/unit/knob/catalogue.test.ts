import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { keys } from '../../../src/config/schema.js';
import { commandName, findKnob, type Knob, knobs, noSuchKnob } from '../../../src/knob/catalogue.js';
import { knobDocs } from '../../../src/knob/docs.js';
import { BadKnobValue, parseKnobValue } from '../../../src/knob/value.js';
import { v1 } from '../../../src/wire/proto.js';

/* What src/knob/catalogue.ts takes the file for. */
const value = z.strictObject({
  value: z.string(),
  number: z.int().optional(),
  doc: z.string(),
});

const text = z.string().min(1);

const knob = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  group: text,
  backing: z.enum(['sysctl-ipvs', 'sysctl-conntrack', 'ipvs-netlink', 'service', 'real-server', 'module-parameter', 'engine', 'capture']),
  path: text,
  type: z.enum(['bool', 'int', 'enum', 'flags', 'duration', 'size', 'pair', 'string', 'cpulist', 'netmask']),
  unit: text.optional(),
  min: z.int().optional(),
  max: z.int().optional(),
  values: z.array(value).min(1).optional(),
  maxLength: z.int().positive().optional(),
  powerOfTwo: z.literal(true).optional(),
  notAbove: text.optional(),
  default: z.string().optional(),
  defaultDoc: text.optional(),
  flips: z.array(z.string()).length(2).optional(),
  scope: z.enum(['netns', 'global', 'service', 'real', 'capture']),
  writable: z.boolean(),
  live: z.boolean(),
  engine: z.literal(true).optional(),
  needs: text.optional(),
  since: text.optional(),
  option: text.optional(),
  doc: text,
  more: z.string(),
  cost: text,
  interacts: z.array(z.string()),
  records: z.array(z.string()),
  source: text,
});

const file = z.strictObject({ $schema: z.string().optional(), knobs: z.array(knob) });

const names = knobs.map(({ name }) => name);

describe('the catalogue of knobs', () => {
  it('is what its type says, and nothing else', () => {
    const read: readonly Knob[] = file.parse(JSON.parse(readFileSync('proto/knobs.json', 'utf8'))).knobs;
    expect(read).toEqual(knobs);
    const [one] = knobs;
    for (const wrong of [
      { ...one, scope: 'planet' },
      { ...one, colour: 'red' },
      { ...one, name: undefined },
    ])
      expect(() => file.parse({ knobs: [wrong] })).toThrow();
  });

  it('has each once, and a command for each', () => {
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(knobs.map(commandName)).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(60);
  });

  it.each(knobs)('has what its type needs: $name', (knob) => {
    const { type } = knob;
    if (type === 'int' || type === 'duration' || type === 'size' || type === 'pair') {
      expect(knob.min).toBeLessThan(knob.max ?? Number.NaN);
      if (type !== 'int') expect(knob.unit).toMatch(/./);
    } else expect([knob.min, knob.max]).toEqual([undefined, undefined]);
    expect(knob.values !== undefined).toBe(type === 'enum' || type === 'flags');
    expect(knob.maxLength !== undefined).toBe(type === 'string' || type === 'cpulist');
    expect((knob.default === undefined) !== (knob.defaultDoc === undefined)).toBe(true);
    if (knob.default !== undefined) expect(parseKnobValue(knob, knob.default)).toBe(knob.default);
    for (const flip of knob.flips ?? []) expect(knob.values?.map(({ value }) => value)).toContain(flip);
  });

  it.each(knobs)('names what there is: $name', (knob) => {
    for (const other of [...knob.interacts, ...(knob.notAbove === undefined ? [] : [knob.notAbove])]) expect(names).toContain(other);
    if (knob.option !== undefined) expect(keys).toContain(knob.option);
    const records = [...Object.keys(v1.EventKind.Value), ...Object.keys(v1.ControlKind.Value)];
    for (const record of knob.records) {
      const [kind, what] = record.split(' ');
      expect(records).toContain(kind);
      if (what?.startsWith('reason=')) expect(Object.keys(v1.EndReason.Value)).toContain(what.slice('reason='.length));
    }
    if (knob.backing === 'sysctl-ipvs') expect(knob.path).toMatch(/^net\/ipv4\/vs\//);
    if (knob.backing === 'sysctl-conntrack') expect(knob.path).toMatch(/^net\/(netfilter\/)?nf_/);
  });

  // Else a check above would look at nothing.
  const lookedAt: [what: string, has: (knob: Knob) => boolean][] = [
    ['a range without a unit', ({ type }) => type === 'int'],
    ['a range with a unit', ({ type }) => type === 'duration'],
    ['no range', ({ type }) => type === 'bool'],
    ['values', ({ values }) => values !== undefined],
    ['a longest value', ({ maxLength }) => maxLength !== undefined],
    ['values that the kernel goes between', ({ flips }) => flips !== undefined],
    ['a knob that it may not exceed', ({ notAbove }) => notAbove !== undefined],
    ['knobs that change what it does', ({ interacts }) => interacts.length > 0],
    ['an option', ({ option }) => option !== undefined],
    ['records of a reason', ({ records }) => records.some((record) => record.includes(' reason='))],
    ['a sysctl of IPVS', ({ backing }) => backing === 'sysctl-ipvs'],
    ['a sysctl of connection tracking', ({ backing }) => backing === 'sysctl-conntrack'],
  ];
  it.each(lookedAt)('has a knob with %s', (_what, has) => expect(knobs.some(has)).toBe(true));

  // Every kernel has these. That the catalogue has all of a kernel's is seen in the virtual machine.
  it.each(['events', 'acct', 'timestamp', 'max', 'buckets', 'tcp_loose', 'udp_timeout'])(
    'knows the switch nf_conntrack_%s of connection tracking, by its path too',
    (name) => {
      const knob = findKnob(`nf_conntrack_${name}`);
      expect(knob?.path).toBe(`net/netfilter/nf_conntrack_${name}`);
      expect(findKnob(`net.netfilter.nf_conntrack_${name}`)).toBe(knob);
    },
  );

  it('is found by every way to write a name', () => {
    const knob = findKnob('expire_nodest_conn');
    expect(knob?.path).toBe('net/ipv4/vs/expire_nodest_conn');
    expect(findKnob('expire-nodest-conn')).toBe(knob);
    expect(findKnob('net.ipv4.vs.expire_nodest_conn')).toBe(knob);
    expect(findKnob('net/ipv4/vs/expire_nodest_conn')).toBe(knob);
    expect(findKnob('expire')).toBeUndefined();
    expect(noSuchKnob('expire-nodest-con')).toBe('There is no knob expire-nodest-con: do you mean expire_nodest_conn?');
    expect(noSuchKnob('zzzzzzzzzzzzzz')).toBe('There is no knob zzzzzzzzzzzzzz; `vslog knob ls` shows all.');
  });

  it('is in docs/knobs.md as `vslog knob docs` prints it', () => {
    expect(readFileSync('docs/knobs.md', 'utf8')).toBe(knobDocs());
  });
});

describe('the value of a knob', () => {
  const cases: [knob: string, written: string, value: string][] = [
    ['expire_nodest_conn', 'yes', '1'],
    ['expire_nodest_conn', ' 0 ', '0'],
    ['timeout_tcp', '15m', '900'],
    ['timeout_tcp', '1.5h', '5400'],
    ['timeout_tcp', '900', '900'],
    ['drop_entry', '3', '3'],
    ['sync_threshold', '3  50', '3 50'],
    ['capture_ring_size', '16M', '16777216'],
    ['service_flags', 'none', 'none'],
    ['service_flags', 'one-packet,flag-1', 'one-packet,flag-1'],
    ['service_netmask', '255.255.255.0', '255.255.255.0'],
    ['service_netmask', '64', '64'],
    ['est_cpulist', '0-3,8', '0-3,8'],
    ['amemthresh', '2147483647', '2147483647'],
  ];
  it.each(cases)('of %s may be %j', (name, written, value) => {
    const knob = findKnob(name);
    expect(knob === undefined ? undefined : parseKnobValue(knob, written)).toBe(value);
  });

  const refused: [knob: string, written: string, sentence: string][] = [
    ['expire_nodest_conn', '7', 'expire_nodest_conn takes 0 or 1, not "7".'],
    ['expire_nodest_conn', '', 'expire_nodest_conn takes 0 or 1, not "".'],
    ['drop_entry', '4', 'drop_entry takes 0, 1, 2 or 3, not "4".'],
    ['timeout_tcp', '0', 'timeout_tcp takes a time from 1 to 2147483 s, such as 90s or 15m, not "0".'],
    ['timeout_tcp', '1.5s', 'timeout_tcp takes a time from 1 to 2147483 s, such as 90s or 15m, not "1.5s".'],
    ['timeout_tcp', '15 parsecs', 'timeout_tcp takes a time from 1 to 2147483 s, such as 90s or 15m, not "15 parsecs".'],
    ['amemthresh', '2147483648', 'amemthresh takes a number of pages from 0 to 2147483647, not "2147483648".'],
    ['amemthresh', '0x10', 'amemthresh takes a number of pages from 0 to 2147483647, not "0x10".'],
    ['sync_threshold', '3', 'sync_threshold takes two numbers of packets from 0 to 2147483647, such as "3 50", not "3".'],
    ['capture_ring_size', '3M', 'capture_ring_size takes a power of two from 65536 to 1073741824 bytes, such as 64K or 16M, not "3M".'],
    [
      'service_flags',
      'one-packet,one-packet',
      'service_flags takes none, or one or more of one-packet, flag-1, flag-2 and flag-3, separated by commas, not "one-packet,one-packet".',
    ],
    [
      'service_netmask',
      '255.0.255.0',
      'service_netmask takes an IPv4 netmask such as 255.255.255.0, or the length of an IPv6 prefix from 1 to 128, not "255.0.255.0".',
    ],
    ['est_cpulist', 'all', 'est_cpulist takes a list of CPUs, such as 0-3,8, not "all".'],
  ];
  it.each(refused)('of %s may not be %j', (name, written, sentence) => {
    const knob = findKnob(name);
    if (knob === undefined) throw new Error(noSuchKnob(name));
    expect(() => parseKnobValue(knob, written)).toThrow(new BadKnobValue(sentence));
  });
});
