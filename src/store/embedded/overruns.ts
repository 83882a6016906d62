/** How long after its limit a query may go on, ms: the engine looks at its limits between blocks of rows only, and one row may take it any time. */
export const GRACE_MS = 5000;

/** A query that does not end. */
export interface Overrun {
  readonly id: string;
  /** A sentence for people. */
  readonly reason: string;
}

interface Running {
  readonly began: number;
  readonly limitMs: number;
  left?: number;
}

/** Decides for which of people's queries the engine must be ended: it owns no timer and no clock. */
export class Overruns {
  private readonly running = new Map<string, Running>();

  /** A query begins, or what it does next, which has a limit of its own. */
  begin(id: string, limitMs: number, now: number): void {
    this.running.set(id, { ...this.running.get(id), began: now, limitMs });
  }

  /** Nobody waits for the answer any more, and the engine was told so. */
  left(id: string, now: number): void {
    const one = this.running.get(id);
    if (one !== undefined) one.left ??= now;
  }

  /** The queries that nobody waits for. */
  get abandoned(): readonly string[] {
    return [...this.running].filter(([, { left }]) => left !== undefined).map(([id]) => id);
  }

  end(id: string): void {
    this.running.delete(id);
  }

  /** The query that has outlived its limit longest. One that nobody waits for may go on until its own limit unless `wanted`: others wait for its place. */
  due(now: number, wanted: boolean): Overrun | undefined {
    let [worst, longest]: [Overrun | undefined, number] = [undefined, 0];
    for (const [id, { began, limitMs, left }] of this.running) {
      const own = now - began - limitMs - GRACE_MS;
      const gone = left === undefined || !wanted ? Number.NEGATIVE_INFINITY : now - left - GRACE_MS;
      const over = Math.max(own, gone);
      if (over < longest || over < 0) continue;
      const reason =
        own >= gone
          ? `A query took longer than its limit of ${limitMs / 1000} s and did not end within ${GRACE_MS / 1000} s after it.`
          : `A query whose client had left did not end within ${GRACE_MS / 1000} s, and others waited for its place.`;
      [worst, longest] = [{ id, reason }, over];
    }
    return worst;
  }
}
