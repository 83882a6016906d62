import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMAND_MS } from '../support/patience.js';
import { CAPTURE, check } from './support/conntrack-capture.js';
import { Stage, TRACK } from './support/conntrack-stage.js';
import { ping } from './support/flows.js';
import type { NetworkNamespace } from './support/network-namespace.js';
import type { Ran } from './support/vslog.js';

/** Refused: this sentence alone, and this exit code. */
const refused = (code: number, sentence: RegExp) => ({
  code,
  out: '',
  err: expect.stringMatching(new RegExp(`^vslog-capture: ${sentence.source}\\n$`)),
});

describe('source conntrack where it cannot record', () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.clean());

  it('may be opened where connections are tracked', async () => {
    expect(check(await stage.tracking())).toEqual({ code: 0, out: '', err: '' });
  });

  it('refuses where nothing asks the kernel to track connections, and says what would', async () => {
    const namespace = await stage.bare();
    const { code, err } = check(namespace);
    expect({ code, err }).toMatchObject({
      code: 4,
      err: expect.stringMatching(/^vslog-capture: nothing asks the kernel to track connections .*\.\n$/),
    });
    const [, advice = ''] = /nft '(.*)'\.\n$/.exec(err) ?? [];
    namespace.run('nft', advice);
    expect(check(namespace)).toEqual({ code: 0, out: '', err: '' });
  });

  it.each(['ip'])('sees that connections of %s alone are tracked', async (family) => {
    const namespace = await stage.bare();
    namespace.rules(`table ${family} track { chain input { type filter hook input priority 0; ct state new accept; }; }`);
    expect(check(namespace)).toEqual({ code: 0, out: '', err: '' });
  });

  it('only warns of that when it is started: a rule may come later', async () => {
    const namespace = await stage.bare(['10.1.0.1/32']);
    namespace.set({ 'netfilter.nf_conntrack_events': 1 });
    const capture = await stage.capture(namespace);
    expect(capture.said).toMatch(/^vslog-capture: nothing asks the kernel to track connections .*\.$/m);
    ping(namespace, '10.1.0.1', '10.1.0.1', 1);
    namespace.rules(TRACK);
    const flow = ping(namespace, '10.1.0.1', '10.1.0.1', 2);
    await capture.tellsKind('create', flow);
    capture.expectOnly([flow]);
  });

  it('refuses where the kernel tells of no connection', async () => {
    const namespace = await stage.tracking();
    namespace.set({ 'netfilter.nf_conntrack_events': 0 });
    const sentence = refused(4, /.*nf_conntrack_events is 0, .*set it to 1 \(sysctl -w net\.netfilter\.nf_conntrack_events=1\)\./);
    expect(check(namespace)).toEqual(sentence);
    expect(start(namespace)).toEqual(sentence);
  });

  it('says which switches are off, and what that costs', async () => {
    const namespace = await stage.tracking();
    namespace.set({ 'netfilter.nf_conntrack_events': 2, 'netfilter.nf_conntrack_acct': 0, 'netfilter.nf_conntrack_timestamp': 0 });
    const { said } = await stage.capture(namespace);
    const sentences = said.match(/^vslog-capture: net\.\S+ is \d: .*\.$/gm) ?? [];
    expect(sentences.map((sentence) => sentence.split(/[ :]+/)[1])).toEqual(
      ['events', 'acct', 'timestamp'].map((name) => `net.netfilter.nf_conntrack_${name}`),
    );
  });

  it('says nothing where all is on', async () => {
    const namespace = await stage.tracking();
    namespace.set({ 'netfilter.nf_conntrack_acct': 1, 'netfilter.nf_conntrack_timestamp': 1 });
    const { said } = await stage.capture(namespace);
    expect(said).toMatch(/^ready: source conntrack, .*\n$/);
  });

  it('refuses a ring where a program for the kernel may not be loaded', async () => {
    const namespace = await stage.tracking();
    expect(start(namespace, '--conntrack-delivery', 'ring')).toEqual({
      code: 4,
      out: '',
      err: expect.stringMatching(
        /^vslog-capture: a program for the kernel may not be loaded here, which takes the capability CAP_BPF.*\.$/m,
      ),
    });
  });

  it('takes the socket where the ring cannot be had, and says so', async () => {
    const namespace = await stage.tracking(['10.1.0.1/32']);
    const capture = await stage.capture(namespace, '--conntrack-delivery', 'auto');
    expect(capture.said).toMatch(/^vslog-capture: the events come by the netlink socket, .*CAP_BPF.*\.$/m);
    const flow = ping(namespace, '10.1.0.1', '10.1.0.1', 1);
    await capture.tellsKind('create', flow);
  });

  it('refuses a ring that shall be reliable', async () => {
    const namespace = await stage.tracking();
    expect(start(namespace, '--conntrack-delivery', 'ring', '--conntrack-reliable')).toEqual({
      code: 4,
      out: '',
      err: expect.stringMatching(/^vslog-capture: --conntrack-reliable needs --conntrack-delivery socket: .*\.$/m),
    });
  });

  /** A start that must not get far. */
  function start(namespace: NetworkNamespace, ...args: string[]): Ran {
    const dir = mkdtempSync(join(tmpdir(), 'vslog-e2e-'));
    try {
      const files = ['--socket', join(dir, 'capture.sock'), '--journal', join(dir, 'journal'), '--journal-size', '8M'];
      return namespace.tried([CAPTURE, '--source', 'conntrack', ...files, ...args]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
});

describe('source conntrack and somebody without privileges', () => {
  const dir = mkdtempSync(join(tmpdir(), 'vslog-e2e-'));
  const binary = join(dir, 'vslog-capture');
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const command = [binary, '--source', 'conntrack', '--check'] as const;
  // The checkout may be where only root reads.
  beforeAll(() => {
    copyFileSync(CAPTURE, binary);
    chmodSync(dir, 0o755);
    chmodSync(binary, 0o755);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is refused with a sentence', () => {
    const [program, ...args] = command;
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: COMMAND_MS, ...nobody });
    expect({ code: status, out: stdout, err: stderr }).toEqual(refused(4, /source conntrack needs CAP_NET_ADMIN .*\./));
  });

  it('may be opened in a user namespace of theirs', async () => {
    const stage = new Stage();
    try {
      const namespace = await stage.bare([], { as: nobody });
      namespace.rules(TRACK);
      expect(namespace.tried(command)).toEqual({ code: 0, out: '', err: '' });
    } finally {
      await stage.clean();
    }
  });
});

describe('options of source conntrack that are none', () => {
  const PROTOCOLS = 'a protocol: tcp, udp, sctp, icmp, icmpv6, dccp, gre, udplite or a number from 0 to 255';
  const BLOCK = 'an address or a block such as 10.0.0.0/8 or 2001:db8::/32';
  it.each([
    ['--conntrack-events', 'create,destroy', ': "destroy" is not one of create, expire, state.'],
    ['--conntrack-events', '', ': "" is not one of create, expire, state.'],
    ['--conntrack-protocol', 'tcp,tpc', `: "tpc" is not ${PROTOCOLS}.`],
    ['--conntrack-protocol', '256', `: "256" is not ${PROTOCOLS}.`],
    ['--conntrack-address', '10.0.0.0/33', `: "10.0.0.0/33" is not ${BLOCK}.`],
    ['--conntrack-address', '2001:db8::/129', `: "2001:db8::/129" is not ${BLOCK}.`],
    ['--conntrack-address', '10.0.0.1/8', ': "10.0.0.1/8" is not a block: bits behind its prefix are set.'],
    ['--conntrack-address', '10.0.0.0/8,10.0.0', `: "10.0.0" is not ${BLOCK}.`],
    ['--conntrack-delivery', 'pigeon', ': "pigeon" is not one of auto, ring, socket.'],
    ['--conntrack-buffer', '1K', ' 1K must be a whole number from 65536 to 2147483648, bytes or with K, M or G.'],
    ['--conntrack-queue', '100000', ' 100000 must be a power of two.'],
    ['--conntrack-resync', 'never', ' never must be a whole number from 0 to 86400.'],
    ['--max-conns', '0', ' 0 must be a whole number from 1024 to 268435456.'],
  ])('%s %s', (option, value, sentence) => {
    expect(checked(option, value)).toEqual({ code: 2, out: '', err: `vslog-capture: ${option}${sentence}\n` });
  });

  it('are more blocks of addresses than the kernel filters by', () => {
    const blocks = Array.from({ length: 65 }, (_, i) => `10.0.${i}.0/24`);
    expect(checked('--conntrack-address', blocks.join())).toEqual({
      code: 2,
      out: '',
      err: 'vslog-capture: --conntrack-address: 65 blocks are more than the 64 that can be given.\n',
    });
  });

  function checked(...args: string[]): Ran {
    const { status, stdout, stderr } = spawnSync(CAPTURE, ['--source', 'conntrack', '--check', ...args], {
      encoding: 'utf8',
      timeout: COMMAND_MS,
    });
    return { code: status, out: stdout, err: stderr };
  }
});
