import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../../access/readers.js';
import { BodyEraser } from '../../erase/eraser.js';
import type { EraseTarget } from '../../erase/target.js';
import { syncDirectory } from '../../spool/layout.js';
import { scanBody } from '../../spool/scan.js';
import { parseAddress } from '../../wire/address.js';
import { toLong, v1 } from '../../wire/proto.js';
import { compressor, unpacked } from './compression.js';
import { TargetError } from './failure.js';
import { lineWriter } from './json-line.js';
import { type FileName, parseFileName } from './names.js';
import { PRIVATE } from './state.js';

/** The new file while it is written, in the sink's own folder. */
const HALF = 'erase.half';
/** Bytes that are compressed and written at a time, about. */
const PIECE = 1 << 20;
const LINE_FEED = 10;

/** A finished file that a person is to be taken out of. */
export interface EraseJob {
  readonly dir: string;
  readonly file: string;
  readonly target: EraseTarget;
  /** Only count. */
  readonly count: boolean;
}

export interface ErasedFile {
  readonly events: number;
  /** Numbers of the connections. */
  readonly connections: readonly string[];
}

/**
 * Takes a person out of a finished file: it is read once to see whether he is in it, and then replaced as a whole, with the mode and group that it had. A crash leaves the
 * old file or the new one. Rejects with TargetError when the new one cannot be written.
 */
export async function eraseFile({ dir, file, target, count }: EraseJob): Promise<ErasedFile> {
  const name = parseFileName(file);
  if (name === undefined) return { events: 0, connections: [] };
  const path = join(dir, file);
  const eraser = new BodyEraser(target);
  const events = await walk(path, name, changer(name, eraser), undefined);
  const connections = [...eraser.connections];
  if (events === 0 || count) return { events, connections };
  const half = join(dir, PRIVATE, HALF);
  try {
    const { mode, gid } = await stat(path);
    const output = await openToWrite(half, 'w');
    try {
      const compress = await compressor(name.compression);
      await walk(path, name, changer(name, eraser), async (piece) => {
        await output.writeFile(await compress(piece));
      });
      const made = await output.stat();
      if (made.gid !== gid) await output.chown(-1, gid);
      if ((made.mode & 0o777) !== (mode & 0o777)) await output.chmod(mode & 0o777);
      await output.sync();
    } finally {
      await output.close();
    }
    await rename(half, path);
    await syncDirectory(dir);
  } catch (error) {
    await rm(half, { force: true });
    const { message, code } = error as NodeJS.ErrnoException;
    throw new TargetError(message, code ?? '');
  }
  return { events, connections };
}

/** Removes what a crash left of a file that was being written. */
export async function removeHalf(dir: string): Promise<void> {
  await rm(join(dir, PRIVATE, HALF), { force: true });
}

/** Makes of whole events what is left of them; how many of them are the person's. */
type Changer = (events: Buffer) => { readonly events: number; readonly bytes: Buffer };

function changer({ format, record }: FileName, eraser: BodyEraser): Changer {
  if (format === 'protobuf') return (bytes) => ({ events: record === 'conn' ? eraser.conn(bytes) : eraser.control(bytes), bytes });
  const change = record === 'conn' ? connLine : controlLine;
  return (bytes) => {
    let events = 0;
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(LINE_FEED, at);
      const line = bytes.toString('utf8', at, end);
      const changed = change(line, eraser);
      if (changed !== undefined) events++;
      lines.push(changed ?? `${line}\n`);
      at = end + 1;
    }
    return { events, bytes: events === 0 ? bytes : Buffer.from(lines.join('')) };
  };
}

interface ConnLine {
  readonly node: string;
  readonly epoch: string;
  readonly time: string;
  readonly sequence: number;
  readonly conn_id: string;
  readonly client_addr: string;
  readonly virtual_addr: string;
  readonly real_addr: string;
  readonly flags: number;
}

/** What is left of the line of an event; undefined: it is nobody's who is erased. */
function connLine(line: string, eraser: BodyEraser): string | undefined {
  const event = JSON.parse(line) as ConnLine;
  const { client_addr, virtual_addr, real_addr, flags, time } = event;
  const timeNs = nanoseconds(time);
  if (!eraser.isTheirs(bytesOf(client_addr), bytesOf(virtual_addr), bytesOf(real_addr), flags, timeNs)) return undefined;
  const connId = BigInt(event.conn_id);
  if (connId !== 0n) eraser.connections.add(idText(connId));
  const message = v1.ConnEvent.encode({
    kind: v1.EventKind.Value.erased,
    time_ns: toLong(timeNs),
    sequence: toLong(BigInt(event.sequence)),
    conn_id: toLong(connId),
  }).finish();
  return lineWriter('conn', event.node, event.epoch)(message);
}

function controlLine(line: string, eraser: BodyEraser): string | undefined {
  const event = JSON.parse(line) as { command: string; time: string; virtual_addr: string; real_addr: string };
  if (event.command === '' || nanoseconds(event.time) >= eraser.beforeNs) return undefined;
  const command = eraser.command(event.command, [bytesOf(event.virtual_addr), bytesOf(event.real_addr)]);
  return command === event.command ? undefined : `${JSON.stringify({ ...event, command })}\n`;
}

/** As the eraser names connections: the eight bytes as they lie. */
function idText(id: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(id);
  return bytes.toString('hex');
}

function bytesOf(address: string): Buffer {
  return Buffer.from(parseAddress(address) ?? new Uint8Array(16));
}

/** Of a time as json-line.ts writes it. */
function nanoseconds(time: string): bigint {
  const [, seconds = '', fraction = '0'] = /^(.{19})\.(\d{9})Z$/.exec(time) ?? [];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction);
}

/** Reads a file and hands on what it becomes, in pieces; how many events are the person's. */
async function walk(path: string, name: FileName, change: Changer, write: ((piece: Buffer) => Promise<void>) | undefined): Promise<number> {
  const whole =
    name.format === 'jsonl'
      ? (body: Buffer): number => body.lastIndexOf(LINE_FEED) + 1
      : (body: Buffer): number => scanBody(body, () => undefined);
  let rest: Buffer = Buffer.alloc(0);
  let events = 0;
  let ready: Buffer[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (size > 0) await write?.(Buffer.concat(ready));
    [ready, size] = [[], 0];
  };
  for await (const chunk of unpacked(path, name.compression)) {
    const body = Buffer.concat([rest, chunk]);
    const used = whole(body);
    rest = body.subarray(used);
    if (used === 0) continue;
    const changed = change(body.subarray(0, used));
    events += changed.events;
    if (write === undefined) continue;
    ready.push(changed.bytes);
    size += changed.bytes.length;
    if (size >= PIECE) await flush();
  }
  await flush();
  if (rest.length > 0) throw new Error(`${path} ends inside an event.`);
  return events;
}
