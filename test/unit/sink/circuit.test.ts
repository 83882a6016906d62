import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Circuit } from '../../../src/sink/circuit.js';
import { Backoff } from '../../../src/wire/backoff.js';

afterEach(() => vi.restoreAllMocks());

describe('back-off', () => {
  it('doubles from the shortest to the longest, and begins anew after a success', () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const backoff = new Backoff(100, 700);
    expect(Array.from({ length: 5 }, () => backoff.delay())).toEqual([100, 200, 400, 700, 700]);
    backoff.reset();
    expect(backoff.delay()).toBe(100);
  });

  it('waits half of that at least, so that not all come back at once', () => {
    const random = vi.spyOn(Math, 'random');
    random.mockReturnValue(0);
    expect(new Backoff(100, 700).delay()).toBe(50);
    random.mockReturnValue(0.5);
    expect(new Backoff(100, 700).delay()).toBe(75);
  });

  it('ends at once when it is not wanted any more', async () => {
    const backoff = new Backoff(3_600_000, 3_600_000);
    await backoff.wait(AbortSignal.abort());
    const gone = new AbortController();
    const waiting = backoff.wait(gone.signal);
    gone.abort();
    expect(await waiting).toBeUndefined();
  });
});

describe('a circuit', () => {
  let circuit: Circuit;
  const gone = AbortSignal.abort();
  beforeEach(() => {
    circuit = new Circuit(1, 1);
  });

  it('opens after five failures in a row, and one try decides', async () => {
    for (let failures = 0; failures < 5; failures++) {
      expect([circuit.state, circuit.failures]).toEqual(['closed', failures]);
      circuit.begin();
      await circuit.failedAndWait(gone);
    }
    expect([circuit.state, circuit.failures]).toEqual(['open', 5]);
    circuit.begin();
    expect(circuit.state).toBe('half_open');
    await circuit.failedAndWait(gone);
    expect([circuit.state, circuit.failures]).toEqual(['open', 6]);
    circuit.begin();
    circuit.succeeded();
    expect([circuit.state, circuit.failures]).toEqual(['closed', 0]);
  });

  it('counts failures in a row only', async () => {
    for (let round = 0; round < 10; round++) {
      circuit.begin();
      await circuit.failedAndWait(gone);
      if (round % 3 === 2) circuit.succeeded();
      expect(circuit.state).toBe('closed');
    }
  });

  it('waits no longer when somebody sets the clock back', async () => {
    const patient = new Circuit(1000, 1000);
    const stop = new AbortController();
    const waiting = patient.failedAndWait(stop.signal);
    const hour = 3_600_000;
    const real = Date.now();
    const now = vi.spyOn(Date, 'now').mockReturnValue(real - hour);
    expect(patient.retryInMs).toBeLessThanOrEqual(1000);
    expect(patient.retryAtMs).toBeLessThanOrEqual(real - hour + 1001);
    now.mockRestore();
    stop.abort();
    await waiting;
    expect(patient.retryInMs).toBeUndefined();
  });

  it('says when the next try is made, while that is waited for', async () => {
    const patient = new Circuit(3_600_000, 3_600_000);
    const stop = new AbortController();
    expect(patient.retryAtMs).toBeUndefined();
    const waiting = patient.failedAndWait(stop.signal);
    expect(patient.retryAtMs).toBeGreaterThan(Date.now());
    stop.abort();
    await waiting;
    expect(patient.retryAtMs).toBeUndefined();
  });
});
