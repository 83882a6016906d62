import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Backoff } from '../wire/backoff.js';
import { type CaptureCommand, spawnCapture } from './capture-process.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { spawnSentence } from './native.js';

export interface KeeperOptions extends CaptureCommand {
  /** Lines that the capture prints, and what happens to it. */
  readonly say: (line: string) => void;
  /** The capture is ready: at the first start, and again when it was started again. */
  readonly onReady: () => void;
  /** How long it may wait at a stop for a collector that acknowledges nothing, ms. Default 0. */
  readonly handOverMs?: number;
  /** What else a person may try when the source is refused. */
  readonly advice: string;
}

/** How long a capture must have run for its next death to be a new story, ms. */
const SETTLED_MS = 10_000;
/** How long a capture may take to end after SIGTERM, ms. It writes down the end of every connection that ends with it, and waits for a collector that goes on. */
const STOP_MS = 60_000;

/** How long a capture whose collector is gone may write down what it has, ms. */
const ALONE_MS = 2000;

/** Runs the capture as a child and starts it again when it dies. A refusal (exit 2, 3, 4) is final. */
export class CaptureKeeper {
  /** Rejects with Failure when the capture refuses, resolves after stop(). */
  readonly ended: Promise<void>;
  private readonly options: KeeperOptions;
  private readonly backoff = new Backoff(200, 10_000);
  private readonly abort = new AbortController();
  private readonly stopMs: number;
  private child: ChildProcess | undefined;
  /** The last capture ended with everything acknowledged. */
  private handedOver = true;

  /** `stopMs`: how long the capture may take to end when it is told to, ms, beside what it waits for its collector. */
  constructor(options: KeeperOptions, stopMs = STOP_MS) {
    this.options = options;
    this.stopMs = stopMs + (options.handOverMs ?? 0);
    this.ended = this.loop();
    this.ended.catch(() => undefined); // whoever waits for it is told; until then it is no unhandled rejection
  }

  /** Asks the capture to end and waits for it; kills it when it does not. `collectorIsGone`: nobody will fetch what it has. Resolves to whether the collector has all that it had; what it has not the capture says. */
  async stop(collectorIsGone = false): Promise<boolean> {
    this.abort.abort();
    this.child?.kill('SIGTERM');
    // Told again it waits for nobody any more.
    const again = collectorIsGone ? setTimeout(() => this.child?.kill('SIGTERM'), ALONE_MS) : undefined;
    const timer = setTimeout(() => {
      this.options.say(
        `the capture did not end within ${this.stopMs / 1000} s and is killed; the end of connections that ended with it may be missing`,
      );
      this.kill();
    }, this.stopMs);
    await this.ended.catch(() => undefined);
    clearTimeout(timer);
    clearTimeout(again);
    return this.handedOver;
  }

  /** At once. */
  kill(): void {
    this.abort.abort();
    this.child?.kill('SIGKILL');
  }

  private async loop(): Promise<void> {
    const { binary, say, advice } = this.options;
    while (!this.abort.signal.aborted) {
      const started = performance.now();
      const { code, signal, last } = await this.runOnce();
      this.handedOver = code === Exit.ok;
      if (this.abort.signal.aborted) return;
      const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
      if (isRefusal(code)) {
        throw new Failure(code ?? Exit.failure, [last || `${binary} ${how}.`, ...(code === Exit.refused ? [advice] : [])].join('\n'));
      }
      if (performance.now() - started > SETTLED_MS) this.backoff.reset();
      say(`the capture ${how}; it is started again`);
      await this.backoff.wait(this.abort.signal);
    }
  }

  /**
   * The last line of standard error is the capture's sentence on why it ended. Until the capture is ready that line may be a refusal, which whoever waits for `ended` is
   * told: so it is kept back.
   */
  private runOnce(): Promise<{ code: number | null; signal: NodeJS.Signals | null; last: string }> {
    const { binary, say, onReady } = this.options;
    return new Promise((resolve, reject) => {
      // A session of its own: Ctrl-C on the terminal is for us, and we stop it in order.
      const child = spawnCapture(this.options, { stderr: 'pipe', detached: true });
      this.child = child;
      let last = '';
      let ready = false;
      let kept: string | undefined;
      const tell = (line: string | undefined): void => {
        if (line !== undefined) say(`capture: ${line}`);
      };
      lines(child.stdout, (line) => {
        tell(kept);
        kept = undefined;
        const first = !ready && line.startsWith('ready:');
        ready = true;
        tell(line);
        if (first) onReady();
      });
      lines(child.stderr, (line) => {
        last = line.replace(/^vslog-capture: /, '');
        tell(ready ? last : kept);
        kept = ready ? undefined : last;
      });
      child.once('error', (error) => reject(new Failure(Exit.failure, spawnSentence(binary, error))));
      child.once('close', (code, signal) => {
        if (!isRefusal(code)) tell(kept);
        resolve({ code, signal, last });
      });
    });
  }
}

function lines(from: Readable | null, each: (line: string) => void): void {
  if (from !== null) createInterface({ input: from }).on('line', each);
}

function isRefusal(code: number | null): boolean {
  return code === Exit.usage || code === Exit.unreachable || code === Exit.refused;
}
