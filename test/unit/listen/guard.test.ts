import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Guard } from '../../../src/listen/guard.js';
import { Keyring, keyOf } from '../../../src/listen/keyring.js';
import { Penalty } from '../../../src/listen/penalty.js';

const RIGHT = 'the secret of bob';
const keys = new Keyring([keyOf('bob', RIGHT)]);
const response = (): ServerResponse => new EventEmitter() as unknown as ServerResponse;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('who gets in', () => {
  it('is who has a secret of the ring, at once', async () => {
    const guard = new Guard({ keys, loopback: true, open: false });
    expect(await guard.admit(RIGHT, response())).toEqual({ in: true, holder: { name: 'bob', operates: false } });
    expect(await guard.admit(undefined, response())).toEqual({ in: false, why: 'none' });
  });

  it('is everybody where it is open, but nobody with a wrong secret', async () => {
    const guard = new Guard({ keys, loopback: true, open: true, penalty: new Penalty({ waitMs: 0 }) });
    expect(await guard.admit(undefined, response())).toEqual({ in: true, holder: undefined });
    expect(await guard.admit(RIGHT, response())).toMatchObject({ in: true, holder: { name: 'bob' } });
    const wrong = guard.admit('wrong', response());
    await vi.advanceTimersByTimeAsync(0);
    expect(await wrong).toEqual({ in: false, why: 'wrong' });
  });

  it('is asked for by a page of our own, by the rule of the place', () => {
    const request = { method: 'GET', headers: { host: 'lb1.example' } } as unknown as IncomingMessage;
    expect(new Guard({ keys, loopback: true, open: false }).foreign(request)).toMatch(/not a name of this machine/);
    expect(new Guard({ keys, loopback: false, open: false }).foreign(request)).toBeUndefined();
  });
});

describe('a wrong secret', () => {
  it('is told so after a second', async () => {
    const guard = new Guard({ keys, loopback: true, open: false });
    let told: unknown;
    const asked = guard.admit('wrong', response()).then((admission) => {
      told = admission;
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(told).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await asked;
    expect(told).toEqual({ in: false, why: 'wrong' });
  });

  it('waits beside few others: of more each is told at once that it is a crowd, and the right one gets in', async () => {
    const penalty = new Penalty({ most: 2 });
    const guard = new Guard({ keys, loopback: true, open: false, penalty });
    const waiting = [guard.admit('wrong 1', response()), guard.admit('wrong 2', response())];
    expect(await guard.admit('wrong 3', response())).toEqual({ in: false, why: 'crowd' });
    expect(await guard.admit(RIGHT, response())).toMatchObject({ in: true });
    expect(penalty.held).toBe(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await Promise.all(waiting)).toEqual([
      { in: false, why: 'wrong' },
      { in: false, why: 'wrong' },
    ]);
    expect(penalty.held).toBe(0);
  });

  it('gives its place back when its client has gone', async () => {
    const penalty = new Penalty();
    const gone = response();
    const waiting = penalty.serve(gone);
    expect(penalty.held).toBe(1);
    gone.emit('close');
    expect(await waiting).toBe(true);
    expect(penalty.held).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
