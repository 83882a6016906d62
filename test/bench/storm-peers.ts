import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '../support/patience.js';
import { childrenOf, cpuSeconds, Program } from './processes.js';
import type { Heard } from './storm.js';
import { FLOWS, type Namespace } from './storm-namespace.js';

export interface Peer {
  readonly name: 'conntrack' | 'ulogd';
  /** What its log of `dir` says of a NEW, and of a DESTROY. */
  readonly marks: { readonly create: string; readonly expire: string };
  command(dir: string): { readonly args: readonly string[]; readonly output: string };
  /** Bytes, where its own option for it does nothing. */
  readonly buffer?: number;
  /** What it said of events that it did not get. Neither tells a number. */
  complaints(dir: string, said: string): string[];
}

/**
 * 1.4.7 gives the buffer of -b to a socket that hears no events: the one that does gets it from us, or it would lose most of a storm for that alone.
 * Older versions end by themselves at the first ENOBUFS; this one's warning names no number.
 */
export const conntrack: Peer = {
  name: 'conntrack',
  buffer: 64 << 20,
  marks: { create: '[NEW]', expire: '[DESTROY]' },
  command: (dir) => {
    const output = join(dir, 'conntrack.txt');
    // A shell that opens the file and becomes the program.
    return { args: ['sh', '-c', `exec conntrack -E -o timestamp,id -b ${64 << 20} >"$1"`, 'sh', output], output };
  },
  complaints: (_dir, said) => said.split('\n').filter((line) => /ENOBUFS|No buffer space/.test(line)),
};

const plugin = (name: string): string => {
  const places = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'].map((arch) => `/usr/lib/${arch}/ulogd/ulogd_${name}.so`);
  const found = places.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`ulogd has no ulogd_${name}.so in ${places.join(', ')}: install ulogd2 and ulogd2-json`);
  return found;
};

/**
 * Every event on its own (no hash), as the others tell them; IP2STR because the JSON output leaves addresses out that are no text.
 * The buffer's size must be below its largest one, or it is not set at all.
 */
export const ulogd: Peer = {
  name: 'ulogd',
  marks: { create: '"ct.event": 1,', expire: '"ct.event": 4,' },
  command: (dir) => {
    const output = join(dir, 'ulogd.json');
    const config = join(dir, 'ulogd.conf');
    writeFileSync(
      config,
      `[global]
logfile="${join(dir, 'ulogd.log')}"
loglevel=3
plugin="${plugin('inpflow_NFCT')}"
plugin="${plugin('filter_IP2STR')}"
plugin="${plugin('output_JSON')}"
stack=ct1:NFCT,ip2str1:IP2STR,json1:JSON
[ct1]
hash_enable=0
event_mask=0x00000005
netlink_socket_buffer_size=${128 << 20}
netlink_socket_buffer_maxsize=${(128 << 20) + 1}
[json1]
file="${output}"
sync=0
`,
    );
    return { args: ['ulogd', '-c', config], output };
  },
  complaints: (dir) =>
    readFileSync(join(dir, 'ulogd.log'), 'utf8')
      .split('\n')
      .filter((line) => /losing|Maximum buffer/.test(line)),
};

/** Lines of a file, possibly large, that contain each mark. */
async function countMarks(path: string, marks: readonly string[]): Promise<number[]> {
  const counts = marks.map(() => 0);
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'latin1' })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      marks.forEach((mark, i) => {
        if (line.includes(mark)) counts[i] = (counts[i] ?? 0) + 1;
      });
  }
  return counts;
}

/** Lets a peer listen while `storm` runs, and counts what it wrote. */
export async function hearPeer(peer: Peer, dir: string, namespace: Namespace, storm: () => Promise<void>): Promise<Heard> {
  const { args, output } = peer.command(dir);
  // The shell's own clock tells what a program took that has ended meanwhile.
  const shell = new Program('bash', ['-c', 'TIMEFORMAT="cpu_s %U %S"; time "$@"', 'bash', ...namespace.prefix, ...args], {
    ...process.env,
    LC_ALL: 'C',
  });
  let pid: number | undefined;
  while (pid === undefined || !namespace.listens()) {
    if (shell.ended) throw new Error(`${peer.name} does not run: ${shell.said}`);
    await pause(20, 'the next look');
    [pid] = childrenOf(shell.pid);
  }
  if (peer.buffer !== undefined && (await new Program(FLOWS, ['--pid', String(pid), '--buffer', String(peer.buffer)]).exit()) !== 0)
    throw new Error(`${peer.name} could not be given its buffer`);
  const before = cpuSeconds(pid);
  await storm();
  // What it has not read yet it may still read. One that gave up has closed its socket.
  while (namespace.waiting() > 0) await pause(50, 'the next look');
  const exited = !namespace.listens();
  const dropped = namespace.dropped();
  if (!exited) process.kill(pid, 'SIGTERM');
  const [, user, system] = await shell.saying(/^cpu_s ([\d.]+) ([\d.]+)$/m);
  const [create = 0, expire = 0] = await countMarks(output, [peer.marks.create, peer.marks.expire]);
  const complaints = peer.complaints(dir, shell.said);
  return {
    create,
    expire,
    reportedLost: 0,
    cpuSeconds: Number(user) + Number(system) - before,
    exited,
    further: {
      ...(exited ? {} : { dropped_by_kernel: dropped }),
      complaints: complaints.length,
      ...(complaints[0] === undefined ? {} : { complaint: complaints[0].trim() }),
    },
  };
}
