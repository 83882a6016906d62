import { BELIEVED_MS, type BelievedClock } from '../clock/believed-clock.js';
import type { Batch } from '../wire/batch.js';

/** How long a node's clock must be right before it is told that it is, ms. */
const QUIET_MS = 60_000;
/** Nodes that are remembered. */
const MOST_NODES = 1000;

/** A node tells times that are not believed, or does so no more. */
export interface NodeClock {
  readonly node: string;
  readonly kind: 'doubted' | 'returned';
  /** The believed time, and the time of the event, ns since 1970. */
  readonly expectedNs: bigint;
  readonly eventNs: bigint;
}

interface Known {
  /** How far the last event was ahead of the believed time, ms; negative: behind. */
  aheadMs: number;
  /** Since when its events are believed, by a clock that nobody sets, ms; undefined: they are not. */
  nearSince: number | undefined;
}

/** Compares the times that nodes tell with the believed one: that of the first event of each batch, which costs nothing per event. */
export class NodeClocks {
  private readonly clock: Pick<BelievedClock, 'now' | 'wall'>;
  /** Nodes whose events are not believed. */
  private readonly doubted = new Map<string, Known>();

  constructor(clock: Pick<BelievedClock, 'now' | 'wall'>) {
    this.clock = clock;
  }

  /** Takes a batch as it arrives. Something to be told: once when it begins, once when it is over. */
  look({ node, body }: Pick<Batch, 'node' | 'body'>): NodeClock | undefined {
    const eventNs = firstTimeNs(body);
    if (eventNs === undefined) return undefined;
    const nowMs = this.clock.now();
    const aheadMs = Number(eventNs / 1_000_000n) - nowMs;
    // Where our own clock is doubted, the node's, which is mostly the same, is no second finding.
    const near = Math.abs(aheadMs) <= BELIEVED_MS || Math.abs(aheadMs + nowMs - this.clock.wall()) <= BELIEVED_MS;
    const known = this.doubted.get(node);
    if (known === undefined && near) return undefined;
    const told = (kind: NodeClock['kind']): NodeClock => ({ node, kind, expectedNs: BigInt(Math.floor(nowMs)) * 1_000_000n, eventNs });
    if (known === undefined) {
      if (this.doubted.size >= MOST_NODES) return undefined;
      this.doubted.set(node, { aheadMs, nearSince: undefined });
      return told('doubted');
    }
    if (!near) {
      known.aheadMs = aheadMs;
      known.nearSince = undefined;
      return undefined;
    }
    known.nearSince ??= performance.now();
    if (performance.now() - known.nearSince < QUIET_MS) return undefined;
    this.doubted.delete(node);
    return told('returned');
  }

  /** Nodes whose events are not believed now, and how far they are ahead, ms. */
  status(): { node: string; aheadMs: number }[] {
    return [...this.doubted].map(([node, { aheadMs }]) => ({ node, aheadMs }));
  }
}

/** Time of the first event of a batch, ns since 1970; undefined: it does not begin as a capture writes it. */
export function firstTimeNs(body: Buffer): bigint | undefined {
  let at = 0;
  const skipVarint = (): void => {
    while (at < body.length && (body[at++] as number) >= 128);
  };
  skipVarint(); // its length
  if (body[at++] !== 0x08) return undefined; // kind = 1
  skipVarint();
  if (body[at++] !== 0x11 || at + 8 > body.length) return undefined; // fixed64 time_ns = 2
  return body.readBigUInt64LE(at);
}
