import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'smol-toml';
import { z } from 'zod';

const protocol = z.enum(['tcp', 'udp', 'sctp']);
const forward = z.enum(['masq', 'direct', 'tunnel']);

const real = z.strictObject({
  at: z.string(),
  weight: z.int().min(0).default(1),
  forward: forward.default('masq'),
  upper: z.int().min(0).default(0),
  lower: z.int().min(0).default(0),
  /** False: nobody listens there. */
  serves: z.boolean().default(true),
});

const service = z.strictObject({
  /** "vip:80", or "mark7" for a firewall mark. */
  at: z.string(),
  protocol: protocol.default('tcp'),
  scheduler: z.string().default('rr'),
  /** The scheduler's flags as ipvsadm -b has them. */
  flags: z.array(z.enum(['sh-fallback', 'sh-port', 'mh-fallback', 'mh-port'])).default([]),
  /** Seconds; 0: not persistent. */
  persistent: z.int().min(0).default(0),
  /** Bits of the client's address that persistence looks at; all by default. */
  netmask: z.int().min(1).max(128).optional(),
  one_packet: z.boolean().default(false),
  /** An IPv6 service of a firewall mark. */
  ipv6: z.boolean().default(false),
  real: z.array(real).default([]),
});

const step = z.discriminatedUnion('do', [
  /** Connects and stays open under a name. UDP sends its first packet. `fails`, here and below: an error must be answered, such as a reset. Silence is no failure. */
  z.strictObject({
    do: z.literal('open'),
    as: z.string(),
    protocol: protocol.default('tcp'),
    from: z.string(),
    to: z.string(),
    fails: z.boolean().default(false),
  }),
  /**
   * send: a byte, and waits for its echo; post: a byte, no waiting; close: the client first; serverclose: the server first. halfclose: the client closes, and the
   * server leaves its half open; serverhalfclose: the server closes, and the client leaves its half open.
   */
  z.strictObject({
    do: z.enum(['send', 'post', 'close', 'reset', 'serverclose', 'halfclose', 'serverhalfclose']),
    on: z.string(),
    fails: z.boolean().default(false),
  }),
  /** Packets from one UDP socket. */
  z.strictObject({ do: z.literal('packets'), count: z.int().positive(), from: z.string(), to: z.string() }),
  /** Connections one after the other, each from another port, answered and then reset (TCP, SCTP) or left (UDP). */
  z.strictObject({
    do: z.literal('burst'),
    count: z.int().positive(),
    protocol: protocol.default('tcp'),
    from: z.string(),
    to: z.string(),
  }),
  /** A client that connects, has had no answer when the answers to later packets are there, and gives up. */
  z.strictObject({ do: z.literal('unanswered'), protocol: z.enum(['tcp', 'sctp']).default('tcp'), from: z.string(), to: z.string() }),
  /** TCP SYNs, each from another port; whoever sent them waits for nothing. */
  z.strictObject({ do: z.literal('halfopen'), count: z.int().positive(), from: z.string(), to: z.string() }),
  z.strictObject({ do: z.enum(['add_service', 'edit_service']), service }),
  z.strictObject({ do: z.literal('delete_service'), at: z.string(), protocol: protocol.default('tcp') }),
  z.strictObject({ do: z.enum(['add_real', 'edit_real']), service: z.string(), protocol: protocol.default('tcp'), real }),
  z.strictObject({ do: z.literal('delete_real'), service: z.string(), protocol: protocol.default('tcp'), at: z.string() }),
  z.strictObject({ do: z.literal('sysctl'), name: z.string(), value: z.string() }),
  /** Seconds: established TCP, TCP after FIN, UDP. 0: unchanged. */
  z.strictObject({ do: z.literal('timeouts'), tcp: z.int().default(0), tcpfin: z.int().default(0), udp: z.int().default(0) }),
  /** Until the story so far holds that many lines that contain the text. */
  z.strictObject({ do: z.literal('wait'), for: z.string(), count: z.int().positive().default(1), within: z.int().default(120) }),
  z.strictObject({ do: z.literal('sleep'), seconds: z.number().positive() }),
  /** kill: SIGKILL; stop: SIGTERM; freeze and thaw: SIGSTOP and SIGCONT. */
  z.strictObject({ do: z.literal('capture'), action: z.enum(['kill', 'stop', 'start', 'freeze', 'thaw']) }),
  z.strictObject({ do: z.literal('collector'), action: z.enum(['kill', 'start']) }),
  z.strictObject({ do: z.literal('remove_director') }),
]);

const scenario = z.strictObject({
  description: z.string(),
  /** The only balancer that it makes sense on; `why` says for what reason. */
  only: z.enum(['kernel', 'engine']).optional(),
  /** A module of the kernel, without which it cannot be played there: not every build has every scheduler. */
  module: z.string().optional(),
  /** What the embedded engine tells otherwise than the kernel, on purpose; `why` says for what purpose. */
  engine_expect: z.array(z.string()).optional(),
  why: z.string().optional(),
  /** What the ends tell besides: the protocol's state, how long its timer was, and how many packets the client had sent. */
  show: z.array(z.enum(['state', 'timeout', 'packets'])).default([]),
  /** It has a capture of its own, which watches its director alone; made with these options. */
  own_capture: z.string().optional(),
  /** With own_capture: started only by a step. */
  capture_later: z.boolean().default(false),
  /** Waits for long timers: started before the others. */
  slow: z.boolean().default(false),
  /** Runs alone: it stops what the others use. */
  alone: z.boolean().default(false),
  /** Real servers answer the clients directly, as direct routing and tunnels have it. */
  direct_replies: z.boolean().default(false),
  sysctl: z.record(z.string(), z.string()).default({}),
  timeouts: z.strictObject({ tcp: z.int().default(0), tcpfin: z.int().default(0), udp: z.int().default(0) }).optional(),
  /** Packets of this protocol and port get this firewall mark. */
  mark: z.array(z.strictObject({ protocol, port: z.int(), mark: z.int() })).default([]),
  service: z.array(service).default([]),
  steps: z.array(step),
  /** The whole story, line by line. */
  expect: z.array(z.string()).optional(),
  /** Or what must be true of it, for stories whose order is chance. */
  totals: z.record(z.string(), z.int()).optional(),
  /** Of so many events whose lines contain the text, the ones that are not in the story are exactly those that the loss records count. */
  exact_loss: z.strictObject({ text: z.string(), of: z.int().positive() }).optional(),
  /** Every create and snapshot has its one end. */
  paired: z.boolean().default(true),
});

export type Service = z.infer<typeof service>;
export type Real = z.infer<typeof real>;
export type Step = z.infer<typeof step>;
export type Scenario = z.infer<typeof scenario> & { readonly name: string };

/** Reads one scenario file. Throws with the file's name and what is wrong in it. */
export function readScenario(file: string): Scenario {
  const result = scenario.safeParse(parse(readFileSync(file, 'utf8')));
  if (!result.success) throw new Error(`${file}: ${z.prettifyError(result.error)}`);
  if (result.data.expect === undefined && Object.keys(result.data.totals ?? {}).length === 0)
    throw new Error(`${file}: it expects nothing: give \`expect\` or \`totals\``);
  if ((result.data.only !== undefined || result.data.engine_expect !== undefined) !== (result.data.why !== undefined))
    throw new Error(`${file}: \`only\` and \`engine_expect\` need a \`why\`, and nothing else does`);
  return { ...result.data, name: basename(file, '.toml') };
}

export function readScenarios(folder: string): Scenario[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.toml'))
    .sort()
    .map((name) => readScenario(join(folder, name)));
}
