import { readFile } from 'node:fs/promises';
import type { Sink } from '../../../src/sink/sink.js';
import type { Segment } from '../../../src/spool/segment.js';
import { nextEvent } from '../../../src/wire/batch.js';
import { toBigInt, v1 } from '../../../src/wire/proto.js';

/** Keeps the segments it gets; `failure` decides what a delivery throws. */
export class FakeSink implements Sink {
  readonly name: string;
  readonly segments: Segment[] = [];
  /** Every delivery tried, failed ones included. */
  readonly tried: number[] = [];
  failure: (segment: Segment) => Error | undefined = () => undefined;
  starts = 0;
  closed = false;

  constructor(name = 'fake') {
    this.name = name;
  }

  async start(): Promise<void> {
    this.starts++;
  }

  async deliver(segment: Segment): Promise<void> {
    this.tried.push(segment.id);
    const failure = this.failure(segment);
    if (failure !== undefined) throw failure;
    this.segments.push(segment);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Events of an epoch's segments that it got. */
  events(epoch: string): number {
    return this.segments.filter((segment) => segment.epoch === epoch).reduce((sum, segment) => sum + segment.count, 0);
  }
}

/** Doubles what is delivered twice, as a topic does, unless it is asked to bring only what is absent. */
export class LookingSink implements Sink {
  readonly name: string;
  /** Events of each segment, by its id. */
  readonly has: Map<number, number>;
  readonly looked: number[] = [];
  readonly delivered: number[] = [];
  readonly trusted: (boolean | undefined)[] = [];

  constructor(has: ReadonlyMap<number, number> = new Map(), name = 'fake') {
    this.name = name;
    this.has = new Map(has);
  }

  async start(trusted?: boolean): Promise<void> {
    this.trusted.push(trusted);
  }

  async deliver({ id, count }: Segment): Promise<void> {
    this.delivered.push(id);
    this.has.set(id, (this.has.get(id) ?? 0) + count);
  }

  async restore({ id, count }: Segment): Promise<number> {
    this.looked.push(id);
    const absent = count - (this.has.get(id) ?? 0);
    this.has.set(id, count);
    return absent;
  }

  async close(): Promise<void> {}
}

/** The control events of a segment's file. */
export async function controlEvents(segment: Segment) {
  const body = await readFile(segment.path);
  const events: { kind: number; where: number; lost: bigint; detail: string; sequence: bigint }[] = [];
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    const event = v1.ControlEvent.decode(body.subarray(start, end));
    events.push({
      kind: event.kind,
      where: event.where,
      lost: toBigInt(event.lost),
      detail: event.detail,
      sequence: toBigInt(event.sequence),
    });
    at = end;
  }
  return events;
}
