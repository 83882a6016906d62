import { connect, type Socket } from 'node:net';
import { encodeFrame } from '../../../src/wire/frame.js';
import { FrameFlag, MessageType } from '../../../src/wire/message.js';
import { v1 } from '../../../src/wire/proto.js';

/** What one attacker does to the capture's socket. */
export interface Attack {
  readonly socket: string;
  /** Who does it, and the groups that he is in besides his own, whose number is the same. */
  readonly uid: number;
  readonly groups: readonly number[];
  readonly sessions: number;
  /** Sent by each session after its greeting, over and over, until there are so many bytes. */
  readonly requests: readonly (keyof typeof MessageType)[];
  readonly bytes: number;
  /** `half`: instead of that, the beginning of a frame that says it has 16 MiB. `subscribe`: a live subscription first. */
  readonly also?: 'half' | 'subscribe';
  /** Sessions are ended as soon as everything is with the kernel, and begun again, so many times; 0: they are kept, and never read from, until standard input ends. */
  readonly rounds: number;
}

/** What came of it. */
export interface Outcome {
  readonly connected: number;
  readonly ended: number;
}

const attack = JSON.parse(process.argv[2] ?? '') as Attack;
process.setgroups?.([...attack.groups]);
process.setgid?.(attack.uid);
process.setuid?.(attack.uid);

let [connected, ended] = [0, 0];

function message(): Buffer {
  const hello = v1.Hello.encode({ version_min: 1, version_max: 1, software: 'attack' }).finish();
  const parts: Uint8Array[] = [encodeFrame(MessageType.controlHello, FrameFlag.request, 1, 0, hello)];
  if (attack.also === 'half') {
    const begun = encodeFrame(MessageType.knobSet, FrameFlag.request, 2, 0, new Uint8Array(attack.bytes));
    new DataView(begun.buffer, begun.byteOffset).setUint32(0, 16 << 20, true);
    parts.push(begun);
  } else {
    if (attack.also === 'subscribe') {
      const live = v1.Subscribe.encode({ mode: v1.SubscriptionMode.Value.live }).finish();
      parts.push(encodeFrame(MessageType.eventSubscribe, FrameFlag.request, 2, 0, live));
    }
    for (let size = 0, i = 0; size < attack.bytes; i++) {
      const type = attack.requests[i % attack.requests.length];
      if (type === undefined) break;
      const frame = encodeFrame(MessageType[type], FrameFlag.request, i + 3, 0, new Uint8Array(0));
      parts.push(frame);
      size += frame.length;
    }
  }
  return Buffer.concat(parts);
}

const all = message();

/** How long it waits for the kernel to take everything: the capture reads no more than it works off. */
const MOMENT_MS = 20;

/** Resolves when the kernel has taken what it takes, or the capture has ended the session. */
function session(): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ path: attack.socket });
    const done = (): void => resolve(socket);
    socket.pause();
    socket.once('connect', () => {
      connected++;
      socket.write(all, done);
      // time: the attack's own
      setTimeout(done, MOMENT_MS);
    });
    socket.on('error', done);
    socket.on('close', () => {
      ended++;
      done();
    });
  });
}

for (let round = 0; round < Math.max(1, attack.rounds); round++) {
  const begun = Array.from({ length: attack.sessions }, session);
  if (attack.rounds === 0) break;
  for (const socket of await Promise.all(begun)) socket.destroy();
}
process.stdout.write(`under way\n`);
if (attack.rounds === 0) for await (const _ of process.stdin);
process.stdout.write(`${JSON.stringify({ connected, ended } satisfies Outcome)}\n`);
process.exit(0);
