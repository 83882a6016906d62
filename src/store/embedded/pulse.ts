import { EngineError } from '../errors.js';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.js';

/** ABORTED: what an engine answers to every statement once it has caught a fatal signal. */
export const ABORTED = 236;

/** Asks an engine for signs of life on a timer, and tells when there are none. */
export class Pulse {
  private readonly options: HeartbeatOptions;
  private readonly beat: () => Promise<unknown>;
  private readonly dead: (why: string) => void;
  private readonly heartbeat: Heartbeat;
  private readonly timer: ReturnType<typeof setInterval>;

  /** `beat` runs a statement; `dead` is called once, with a clause that says why. */
  constructor(options: HeartbeatOptions, beat: () => Promise<unknown>, dead: (why: string) => void) {
    this.options = options;
    this.beat = beat;
    this.dead = dead;
    this.heartbeat = new Heartbeat(options, performance.now());
    this.timer = setInterval(() => this.look(), options.everyMs);
    this.timer.unref();
  }

  /** A statement was answered in a way that only a dying engine does: asks at once. */
  suspect(): void {
    this.send();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const { misses, deadlineMs } = this.options;
    if (!this.heartbeat.isDead(performance.now())) this.send();
    else this.end(`it gave no sign of life ${misses} times within ${deadlineMs / 1000} s`);
  }

  private send(): void {
    const beat = this.heartbeat.send(performance.now());
    this.beat().then(
      () => this.heartbeat.answered(beat, performance.now()),
      (error: unknown) => {
        if (error instanceof EngineError && error.code === ABORTED) this.end('it aborts every statement (ClickHouse 236, ABORTED)');
        // Any other error is an answer; a process that has gone is noticed by its exit.
        else if (error instanceof EngineError) this.heartbeat.answered(beat, performance.now());
      },
    );
  }

  private end(why: string): void {
    this.stop();
    this.dead(why);
  }
}
