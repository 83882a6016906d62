import type { ServerResponse } from 'node:http';
import { toJson } from '../api/json.js';
import type { StatusDocument } from '../api/status.js';
import { sentenceOf } from '../wire/errors.js';

/** Between two samples, ms. */
const EVERY_MS = 1000;
/** So many may watch at one time. */
const MOST = 64;

/** Server-sent events: the collector's status once a second to everybody who watches, and no work at all while nobody does. */
export class LiveFeed {
  private readonly status: () => Promise<StatusDocument>;
  /** With when each has to come anew, ms since 1970. */
  private readonly watchers = new Map<ServerResponse, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(status: () => Promise<StatusDocument>) {
    this.status = status;
  }

  get full(): boolean {
    return this.watchers.size >= MOST;
  }

  /** Sends events until the client goes away, until `endsMs` (ms since 1970), or stop(). */
  watch(response: ServerResponse, endsMs = Number.POSITIVE_INFINITY): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 2000\n\n');
    this.watchers.set(response, endsMs);
    response.once('close', () => {
      this.watchers.delete(response);
      if (this.watchers.size === 0) this.rest();
    });
    void this.sample();
    this.timer ??= setInterval(() => void this.sample(), EVERY_MS);
  }

  stop(): void {
    this.rest();
    for (const response of this.watchers.keys()) response.end();
    this.watchers.clear();
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async sample(): Promise<void> {
    let text: string;
    try {
      text = `event: status\ndata: ${toJson({ at: Date.now(), ...(await this.status()) })}\n\n`;
    } catch (error) {
      text = `event: problem\ndata: ${JSON.stringify(sentenceOf(error))}\n\n`;
    }
    // Who does not take it in time misses samples, and holds no memory here.
    for (const [response, endsMs] of this.watchers) {
      if (endsMs <= Date.now()) response.end();
      else if (response.writableLength < 65_536) response.write(text);
    }
  }
}
