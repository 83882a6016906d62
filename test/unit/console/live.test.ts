import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LiveFeed } from '../../../src/console/live.js';
import { STATUS } from '../support/status.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A client that keeps what it gets. */
class Watcher extends EventEmitter {
  readonly events: string[] = [];
  status = 0;
  headers: unknown;
  ended = false;
  writableLength = 0;

  writeHead(status: number, headers: unknown): void {
    [this.status, this.headers] = [status, headers];
  }

  write(text: string): void {
    this.events.push(text);
  }

  end(): void {
    this.ended = true;
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }
}

/** A feed of a status that counts how often it was asked. */
function feed() {
  let asked = 0;
  let failure: Error | undefined;
  const live = new LiveFeed(async () => {
    asked++;
    if (failure !== undefined) throw failure;
    return { ...STATUS, pid: asked };
  });
  const fail = (error: Error): void => {
    failure = error;
  };
  return { live, asked: () => asked, fail };
}

describe('the live feed', () => {
  it('ends with the session of who watches, and goes on for others', async () => {
    const { live } = feed();
    const [session, token] = [new Watcher(), new Watcher()];
    vi.setSystemTime(0);
    live.watch(session.response, 3000);
    live.watch(token.response);
    await vi.advanceTimersByTimeAsync(2999);
    expect([session.ended, token.ended]).toEqual([false, false]);
    await vi.advanceTimersByTimeAsync(1);
    expect([session.ended, token.ended]).toEqual([true, false]);
    live.stop();
  });

  it('sends the status at once, and then once a second, to everybody who watches', async () => {
    const { live, asked } = feed();
    const [first, second] = [new Watcher(), new Watcher()];
    live.watch(first.response);
    await vi.advanceTimersByTimeAsync(0);
    expect([first.status, first.headers]).toEqual([200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }]);
    expect(first.events[0]).toBe('retry: 2000\n\n');
    const [, data] = /^event: status\ndata: (.*)\n\n$/.exec(first.events[1] ?? '') ?? [];
    expect(JSON.parse(data ?? '')).toEqual({ at: Date.now(), ...STATUS, pid: 1 });
    live.watch(second.response);
    await vi.advanceTimersByTimeAsync(3000);
    expect(asked()).toBe(5);
    expect([first.events.length, second.events.length]).toEqual([6, 5]);
    live.stop();
  });

  it('does nothing while nobody watches', async () => {
    const { live, asked } = feed();
    const watcher = new Watcher();
    live.watch(watcher.response);
    await vi.advanceTimersByTimeAsync(1000);
    watcher.emit('close');
    const before = asked();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked()).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
    live.watch(new Watcher().response);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked()).toBe(before + 2);
    live.stop();
  });

  it('tells a problem as a sentence, and goes on', async () => {
    const { live, fail } = feed();
    const watcher = new Watcher();
    live.watch(watcher.response);
    await vi.advanceTimersByTimeAsync(0);
    fail(new Error('The spool is gone.'));
    await vi.advanceTimersByTimeAsync(2000);
    expect(watcher.events.slice(2)).toEqual(Array(2).fill('event: problem\ndata: "The spool is gone."\n\n'));
    live.stop();
  });

  it('keeps nothing for one who does not take it in time', async () => {
    const { live } = feed();
    const [slow, quick] = [new Watcher(), new Watcher()];
    live.watch(slow.response);
    live.watch(quick.response);
    await vi.advanceTimersByTimeAsync(0);
    slow.writableLength = 65_536;
    const before = slow.events.length;
    await vi.advanceTimersByTimeAsync(2000);
    expect(slow.events).toHaveLength(before);
    slow.writableLength = 0;
    await vi.advanceTimersByTimeAsync(1000);
    expect(slow.events).toHaveLength(before + 1);
    live.stop();
  });

  it('is full with sixty-four, until one goes', async () => {
    const { live } = feed();
    const watchers = Array.from({ length: 64 }, () => new Watcher());
    for (const watcher of watchers) {
      expect(live.full).toBe(false);
      live.watch(watcher.response);
    }
    expect(live.full).toBe(true);
    watchers[7]?.emit('close');
    expect(live.full).toBe(false);
    live.stop();
    expect(watchers.filter(({ ended }) => ended)).toHaveLength(63);
    expect(vi.getTimerCount()).toBe(0);
  });
});
