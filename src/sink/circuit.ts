import { Backoff } from '../wire/backoff.js';

/** `closed`: deliveries go through. `open`: the sink failed several times in a row and is left alone for a while. `half_open`: one try is under way that decides. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** Failures in a row that open the circuit. */
const THRESHOLD = 5;

/** When a failing sink is tried again: jittered, ever later, and known to whoever asks. */
export class Circuit {
  private readonly backoff: Backoff;
  private failed = 0;
  private trying = false;
  /** When the next try is made, by a clock that nobody sets, ms. */
  private until: number | undefined;

  /** Shortest and longest wait between two tries, ms. */
  constructor(minMs: number, maxMs: number) {
    this.backoff = new Backoff(minMs, maxMs);
  }

  get state(): CircuitState {
    if (this.failed < THRESHOLD) return 'closed';
    return this.trying ? 'half_open' : 'open';
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.failed;
  }

  /** When the next try is made, ms since 1970; undefined while none is waited for. */
  get retryAtMs(): number | undefined {
    const { retryInMs } = this;
    return retryInMs === undefined ? undefined : Date.now() + retryInMs;
  }

  /** Time until the next try, ms; undefined while none is waited for. */
  get retryInMs(): number | undefined {
    return this.until === undefined ? undefined : Math.max(0, this.until - performance.now());
  }

  begin(): void {
    this.trying = true;
    this.until = undefined;
  }

  succeeded(): void {
    this.trying = false;
    this.failed = 0;
    this.backoff.reset();
  }

  /** Waits for the time of the next try, or until `signal` is aborted. */
  async failedAndWait(signal: AbortSignal): Promise<void> {
    this.trying = false;
    this.failed++;
    const delay = this.backoff.delay();
    this.until = performance.now() + delay;
    await Backoff.sleep(delay, signal);
    this.until = undefined;
  }
}
