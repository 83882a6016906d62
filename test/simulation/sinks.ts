import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HourTally, SequenceSpan, Sink } from '../../src/sink/sink.js';
import type { Loss } from '../../src/spool/loss.js';
import { LOCAL_EPOCH } from '../../src/spool/loss.js';
import type { Segment } from '../../src/spool/segment.js';
import { lossesIn } from '../../src/spool/told.js';
import { nextEvent } from '../../src/wire/batch.js';
import { toBigInt, v1 } from '../../src/wire/proto.js';

/** One copy of an event. */
interface Copy {
  readonly record: Segment['record'];
  readonly seconds: number;
}

/** What there is of one epoch: copies by sequence. */
type Copies = Map<bigint, Copy[]>;

/** What a sink has, on machines of its own: nothing that happens to the collector's touches it. */
export class SinkMemory {
  readonly name: string;
  /** It appends what it is given, and knows of its last message only whether that is what comes now; otherwise it knows each event. */
  readonly isTopic: boolean;
  readonly epochs = new Map<string, Copies>();
  readonly losses: Loss[] = [];
  /** It takes nothing. */
  away = false;
  /** So many deliveries more are answered; then one is carried out, and its answer is lost. */
  losesAnswerIn: number | undefined;
  /** Names the last segment that a topic was given. */
  last = '';
  /** What it was brought last: whoever brought that may not know that it has it. */
  private latest = { id: 0, events: 0 };
  /** Events of which whoever brought them died, or had no answer, before that was known for good, at most. */
  unsure = 0;

  constructor(name: string, isTopic: boolean) {
    this.name = name;
    this.isTopic = isTopic;
  }

  has(epoch: string, sequence: bigint): boolean {
    return this.epochs.get(epoch)?.has(sequence) === true;
  }

  brought(id: number, events: number): void {
    this.latest = { id, events };
  }

  /** Whoever brings died, or has no answer. `delivered`: that segment, and those before it, it knew to be here. */
  leftOpen(delivered = 0): void {
    if (this.latest.id > delivered) this.unsure += this.latest.events;
    this.latest = { id: 0, events: 0 };
  }

  /** Events that are there more than once. */
  get doubled(): { epoch: string; sequence: bigint }[] {
    return [...this.epochs].flatMap(([epoch, copies]) =>
      [...copies].filter(([, all]) => all.length > 1).map(([sequence]) => ({ epoch, sequence })),
    );
  }
}

/** A sink of a collector. It dies with that; what it had brought is in its memory. */
export class SimulatedSink implements Sink {
  readonly name: string;
  protected readonly memory: SinkMemory;
  protected looks = true;
  private isOver = false;

  constructor(memory: SinkMemory) {
    this.name = memory.name;
    this.memory = memory;
  }

  /** The sink of a memory, with all that it can. `folder`: where it may keep something. */
  static of(memory: SinkMemory, folder: string): SimulatedSink {
    return memory.isTopic ? new SimulatedTopic(memory, folder) : new SimulatedSink(memory);
  }

  async start(): Promise<void> {
    this.answer();
    this.looks = true;
  }

  async deliver(segment: Segment): Promise<void> {
    await this.bring(segment, true);
  }

  async close(): Promise<void> {
    this.isOver = true;
  }

  async tally(spans: readonly SequenceSpan[]): Promise<HourTally[]> {
    this.answer();
    const hours = new Map<
      string,
      { node: string; epoch: string; record: Segment['record']; hour: number; events: number; distinct: number }
    >();
    for (const { node, epoch, first, last } of spans) {
      for (const [sequence, copies] of this.memory.epochs.get(epoch) ?? []) {
        const [copy] = copies;
        if (copy === undefined || sequence < first || sequence > last) continue;
        const hour = Math.floor(copy.seconds / 3600) * 3600;
        const key = `${epoch} ${copy.record} ${hour}`;
        const had = hours.get(key) ?? { node, epoch, record: copy.record, hour, events: 0, distinct: 0 };
        hours.set(key, { ...had, events: had.events + copies.length, distinct: had.distinct + 1 });
      }
    }
    return [...hours.values()];
  }

  private answer(): void {
    if (this.isOver) throw new Error('The sink is closed.');
    if (this.memory.away) throw new Error('The sink is away.');
  }

  protected async bring(segment: Segment, looks: boolean): Promise<number> {
    const body = await readFile(segment.path);
    this.answer();
    const { epochs, losses } = this.memory;
    const copies: Copies = epochs.get(segment.epoch) ?? new Map();
    epochs.set(segment.epoch, copies);
    let absent = 0;
    for (const { sequence, seconds } of eventsIn(segment.record, body)) {
      const there = copies.get(sequence);
      if (there === undefined) absent++;
      if (there === undefined) copies.set(sequence, [{ record: segment.record, seconds }]);
      else if (!looks) there.push({ record: segment.record, seconds });
    }
    this.memory.brought(segment.id, segment.count);
    if (segment.record === 'control' && segment.epoch.startsWith(LOCAL_EPOCH)) losses.push(...lossesIn(body));
    const { losesAnswerIn } = this.memory;
    if (losesAnswerIn !== undefined) {
      this.memory.losesAnswerIn = losesAnswerIn === 0 ? undefined : losesAnswerIn - 1;
      if (losesAnswerIn === 0) this.memory.leftOpen();
      if (losesAnswerIn === 0) throw new Error('The answer did not come.');
    }
    return absent;
  }
}

/** Behind what a topic was given last, in its state: it is to look for each segment, also after another start. */
const LOOKS = ' looks';

/** One that appends, and can look up what it has of a segment. Beside the spool it keeps what it was given last: where that is not what is there, it looks for each segment from then on. */
class SimulatedTopic extends SimulatedSink {
  private readonly state: string;
  private isKnown = false;

  constructor(memory: SinkMemory, folder: string) {
    super(memory);
    this.state = join(folder, `${memory.name}.topic`);
  }

  override async start(): Promise<void> {
    await super.start();
    const last = await readFile(this.state, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    this.isKnown = last === this.memory.last;
  }

  override async deliver(segment: Segment): Promise<void> {
    await this.bring(segment, this.looks || !this.isKnown);
    await this.note(segment).catch((error: unknown) => {
      this.memory.leftOpen();
      throw error;
    });
  }

  async restore(segment: Segment): Promise<number> {
    const absent = await this.bring(segment, true);
    await this.note(segment);
    return absent;
  }

  private async note({ chain }: Segment): Promise<void> {
    this.memory.last = chain;
    const file = await open(this.state, 'w');
    await file.writeFile(this.isKnown ? chain : `${chain}${LOOKS}`);
    await file.sync();
    await file.close();
    this.looks = false;
  }
}

function* eventsIn(record: Segment['record'], body: Buffer): Generator<{ sequence: bigint; seconds: number }> {
  const type = record === 'conn' ? v1.ConnEvent : v1.ControlEvent;
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    const event = type.decode(body.subarray(start, end));
    yield { sequence: toBigInt(event.sequence), seconds: Number(toBigInt(event.time_ns)) / 1e9 };
    at = end;
  }
}
