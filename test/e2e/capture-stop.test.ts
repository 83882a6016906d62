import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, type LogEvent } from '../../src/cli/event.js';
import type { Batch } from '../../src/wire/batch.js';
import { CaptureClient, type Position } from '../../src/wire/client.js';
import { v1 } from '../../src/wire/proto.js';
import { pause, until, WAIT_MS } from '../support/patience.js';

const CAPTURE = join(import.meta.dirname, '../../build/native/vslog-capture');

let dir: string;
const started: ChildProcess[] = [];
const clients: CaptureClient[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vslog-e2e-'));
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const socket = (): string => join(dir, 'capture.sock');

/** Starts a capture; resolves when it is ready. `ended` is its exit code. */
async function capture(...args: string[]): Promise<{ child: ChildProcess; ended: Promise<number | null> }> {
  const own = ['--socket', socket(), '--journal', join(dir, 'journal'), '--node', 'test'];
  const child = spawn(CAPTURE, [...args, ...own], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await until('the capture is ready', () => {
    if (child.exitCode !== null) throw new Error(`The capture ended with code ${child.exitCode}.`);
    return said.includes('ready');
  });
  return { child, ended };
}

/** Follows the log from its oldest record on, or from the one that follows `after`. `onBatch` acknowledges. */
async function follow(onBatch: (client: CaptureClient, batch: Batch) => void, after?: Position): Promise<CaptureClient> {
  const client = new CaptureClient({ path: socket(), handlers: { onBatch: (batch) => onBatch(client, batch) } });
  clients.push(client);
  await client.connect();
  await client.subscribeDurable('test', after);
  return client;
}

/** Waits until a capture's journal has no room for what its source brings. */
async function fullJournal(client: CaptureClient): Promise<void> {
  await until('a full journal', async () => {
    const { journal_used, journal_bytes } = await client.sourceStatus(WAIT_MS);
    return Number(journal_used) > 0.9 * Number(journal_bytes);
  });
}

/** What a log tells of its connections and of the capture's stop. */
class Story {
  readonly open = new Set<string>();
  flushed = 0;
  last = '';
  readonly losses: string[] = [];

  take(event: LogEvent): void {
    if (event.record === 'control') {
      this.last = v1.ControlKind.Value[event.event.kind] ?? '';
      if (this.last === 'loss') this.losses.push(event.event.detail);
      return;
    }
    const { kind, conn_id, reason } = event.event;
    if (kind === v1.EventKind.Value.create) this.open.add(String(conn_id));
    if (kind === v1.EventKind.Value.expire) this.open.delete(String(conn_id));
    if (reason === v1.EndReason.Value.capture_stopped) this.flushed++;
    this.last = v1.EventKind.Value[kind] ?? '';
  }
}

const LOAD = ['--source', 'engine', '--load', '--load-rate', '0'];

/** Takes the story's end, up to the record of the stop, from the journal of the capture that has ended: the next one hands out all that it has. */
async function takeRest(story: Story, journalSize: string, after?: Position): Promise<void> {
  await capture('--source', 'scripted', '--scripted-events', '1', '--journal-size', journalSize);
  let stopped = false;
  await follow((client, batch) => {
    for (const event of eventsOf(batch)) {
      if (!stopped) story.take(event);
      stopped ||= story.last === 'capture_stopped';
    }
    client.ack(lastOf(batch));
  }, after);
  await until('the record of the stop', () => stopped);
}

const lastOf = ({ epoch, last }: Batch): Position => ({ epoch, sequence: last });

describe('a capture that is told to stop', () => {
  it('tells the end of every connection that ends with it, however busy its source is', async () => {
    const concurrent = 5000;
    const { child, ended } = await capture(...LOAD, '--load-concurrent', String(concurrent), '--journal-size', '16M');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const story = new Story();
    await takeRest(story, '16M');
    expect(story.flushed).toBeGreaterThanOrEqual(concurrent);
    expect(story.open.size).toBe(0);
  });

  it('waits for room in the journal as long as its subscriber goes on', async () => {
    // Far more ends than the journal holds.
    const concurrent = 120_000;
    const size = ['--load-concurrent', String(concurrent), '--journal-size', '8M'];
    // A busy machine may keep the subscriber from going on: it is given as long as any wait.
    const { child, ended } = await capture(...LOAD, ...size, '--stall-timeout', String(WAIT_MS));
    const story = new Story();
    const batches: Batch[] = [];
    const client = await follow((_client, batch) => batches.push(batch));
    let closed = false;
    void client.closed.then(() => {
      closed = true;
    });
    let stopping = false;
    let after: Position | undefined;
    while (!closed || batches.length > 0) {
      const batch = batches.shift();
      if (batch === undefined) {
        await pause(5, 'the next batch');
        continue;
      }
      for (const event of eventsOf(batch)) story.take(event);
      after = lastOf(batch);
      if (!stopping && story.open.size >= concurrent / 2) {
        stopping = true;
        // So the capture has to wait for its subscriber.
        await fullJournal(client);
        child.kill('SIGTERM');
      }
      client.ack(after);
    }
    expect(await ended).toBe(0);
    // What was still on its way when the capture ended is in the journal.
    if (story.last !== 'capture_stopped') await takeRest(story, '8M', after);
    expect(story.losses.filter((detail) => detail.includes('told to stop'))).toEqual([]);
    expect(story.open.size).toBe(0);
    expect(story.flushed).toBeGreaterThanOrEqual(concurrent / 2);
  });

  it('counts as lost what nobody takes, and ends', async () => {
    const size = ['--load-concurrent', '120000', '--journal-size', '8M'];
    const { child, ended } = await capture(...LOAD, ...size, '--stall-timeout', '100');
    const client = await follow(() => undefined);
    await fullJournal(client);
    child.kill('SIGTERM');
    // It says so: what the journal has was not acknowledged.
    expect(await ended).toBe(8);
    const story = new Story();
    await takeRest(story, '8M');
    expect(story.losses.some((detail) => detail.includes('the journal was full when the capture was told to stop'))).toBe(true);
  });
});
