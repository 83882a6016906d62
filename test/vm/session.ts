import { connect, type Socket } from 'node:net';
import { until, WAIT_MS } from '../support/patience.js';

/** Said by the guest's hand on every connection that it takes. */
const GREETING = 'ready\n';
/** After this time without a greeting the connection is tried anew, ms: the emulated network loses some while they are made. It decides nothing else. */
const GREETING_MS = 10_000;

/** An emulated processor takes its time: to load the programs of two captures on two kernels at once has taken two minutes. So many of the longest waits are one in the guest. */
const EMULATED = 5;

/** One command of a batch; guest/session.h lists them. */
export interface Command {
  readonly line: string;
  /** What the line announces with its number of bytes. */
  readonly input?: string;
}

export const command = (line: string): Command => ({ line });

/** A command whose last words are programs' input. `before` and `after`: the line's words around the number of bytes. */
export const withInput = (before: string, input: string, after = ''): Command => ({
  line: `${before} ${Buffer.byteLength(input)} ${after}`.trim(),
  input,
});

/** A command of a batch did not do as it should; those after it were not done. */
export class CommandError extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/** Connects to the guest's hand. Resolves when it has greeted: as long as it has not, nothing was done, and another try is safe. Rejects when the machine is not there. */
export function greeted(port: number, what: string, isThere: () => boolean): Promise<Socket> {
  return until(`${what} does not answer`, () => {
    if (!isThere()) throw new Error(`${what} has ended`);
    return attempt(port);
  });
}

function attempt(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const said: Buffer[] = [];
    const end = (result: Socket | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (result === undefined) socket.destroy();
      resolve(result);
    };
    // time: only another try comes of it
    const timer = setTimeout(() => end(undefined), GREETING_MS);
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('data', (chunk) => {
      said.push(chunk);
      const all = Buffer.concat(said);
      if (all.length < GREETING.length) return;
      if (all.length > GREETING.length) socket.unshift(all.subarray(GREETING.length));
      end(socket);
    });
  });
}

/** A conversation with the guest's hand: batches of commands, one after the other. What it made in the guest goes when it is closed. */
export class Session {
  private readonly socket: Socket;
  private received = Buffer.alloc(0);
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    const ended = (why: string): void => {
      this.failure ??= new Error(why);
      this.wake();
    };
    socket
      .on('error', ({ message }) => ended(`the connection to the machine broke: ${message}`))
      .on('close', () => ended('the machine hung up'));
  }

  /**
   * Does the commands one after the other. Resolves to what they have to say, rejects with a CommandError at the first that fails, and with another error when the guest
   * does not answer within five of the longest waits and `more` ms.
   */
  async batch(commands: readonly Command[], more = 0): Promise<string> {
    this.socket.write(`batch ${commands.length}\n${commands.map(({ line, input = '' }) => `${line}\n${input}`).join('')}`);
    const limit = EMULATED * WAIT_MS + more;
    // time: the longest wait, for an answer that ends it early
    const timer = setTimeout(() => this.socket.destroy(new Error(`it does not answer for ${limit / 1000} s`)), limit);
    try {
      const head = await this.take(() => this.received.indexOf('\n') + 1);
      const [outcome, ...numbers] = head.trim().split(' ');
      const size = Number(numbers.at(-1));
      const text = size === 0 ? '' : await this.take(() => (this.received.length >= size ? size : 0));
      if (outcome === 'done') return text;
      throw new CommandError(Number(numbers[0]), text);
    } catch (error) {
      if (error instanceof CommandError) throw error;
      throw new Error(`${String(error instanceof Error ? error.message : error)} at ${commands.map(({ line }) => line).join('; ')}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves to so many bytes as `enough` says, once it says more than 0. */
  private async take(enough: () => number): Promise<string> {
    for (;;) {
      const size = enough();
      if (size > 0) {
        const text = this.received.subarray(0, size).toString();
        this.received = this.received.subarray(size);
        return text;
      }
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
