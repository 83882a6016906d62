import { type Batch, nextEvent } from '../wire/batch.js';
import { v1 } from '../wire/proto.js';
import { eventsOf, type LogEvent } from './event.js';
import { plainEvent } from './event-json.js';
import { prettyEvent } from './event-text.js';
import { write } from './output.js';

/** How events are written: docs/cli.md. */
export type TailForm = 'pretty' | 'json' | 'jsonl' | 'protobuf';

/** Writes events to standard output, no more than `most`; `enough` is called when those are there. */
export class TailPrinter {
  private readonly form: TailForm;
  private readonly most: number;
  private readonly enough: () => void;
  private shown = 0;

  constructor(form: TailForm, most: number, enough: () => void) {
    this.form = form;
    this.most = most;
    this.enough = enough;
  }

  /** A live batch. protobuf: its bytes as they are. */
  async batch(batch: Batch): Promise<void> {
    if (this.form !== 'protobuf') return this.events(eventsOf(batch));
    const { bytes, count } = firstOf(batch, this.most - this.shown);
    this.shown += count;
    if (count > 0) await write(bytes);
    if (this.shown >= this.most) this.enough();
  }

  async events(events: Iterable<LogEvent>): Promise<void> {
    if (this.form === 'protobuf') return this.encoded(events);
    let lines = '';
    for (const log of events) {
      if (this.shown >= this.most) break;
      this.shown++;
      lines += this.text(log);
    }
    if (lines !== '') await write(lines);
    if (this.shown >= this.most) this.enough();
  }

  /** The end of what an array needs. */
  async close(): Promise<void> {
    if (this.form === 'json') await write(this.shown === 0 ? '[]\n' : '\n]\n');
  }

  private async encoded(events: Iterable<LogEvent>): Promise<void> {
    const parts: Uint8Array[] = [];
    for (const log of events) {
      if (log.record !== 'conn' || this.shown >= this.most) continue;
      this.shown++;
      parts.push(v1.ConnEvent.encodeDelimited(log.event).finish());
    }
    if (parts.length > 0) await write(Buffer.concat(parts));
    if (this.shown >= this.most) this.enough();
  }

  private text(log: LogEvent): string {
    if (this.form === 'pretty') return prettyEvent(log);
    const json = JSON.stringify(plainEvent(log));
    return this.form === 'jsonl' ? `${json}\n` : `${this.shown === 1 ? '[\n' : ',\n'}${json}`;
  }
}

/** The bytes of a batch's first connection events, as they are. */
function firstOf({ record, body, count }: Batch, most: number): { readonly bytes: Uint8Array; readonly count: number } {
  if (record !== 'conn') return { bytes: body.subarray(0, 0), count: 0 };
  if (count <= most) return { bytes: body, count };
  let at = 0;
  for (let i = 0; i < most; i++) at = nextEvent(body, at).end;
  return { bytes: body.subarray(0, at), count: most };
}
