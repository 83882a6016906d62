import type { Batch } from '../wire/batch.js';
import { CaptureClient, type MissedEvents, type Wanted } from '../wire/client.js';

/** Where the events of a tail begin. */
export interface TailStart {
  readonly node: string;
  readonly epoch: string;
  /** Sequence of the first event that will come, whether it is wanted or not: all before it are in the log's past. */
  readonly first: bigint;
}

export interface TailHandlers {
  /** The subscription is in force. Called before any batch. */
  onStart?(start: TailStart): void;
  /** The reader was too slow for the capture's buffer: what it missed, before the next batch. */
  onMissed?(missed: MissedEvents): void;
}

/** Batches that wait for a slow reader before we stop reading. */
const QUEUE_LIMIT = 64;

/**
 * Follows a capture's new events, those that are wanted. `onBatch` gets one batch at a time; while its promise is pending the socket is not read beyond a few batches, and the capture counts what
 * we miss. Resolves when `signal` is aborted, rejects with a sentence when the connection cannot be made or ends.
 */
export async function tail(
  path: string,
  wanted: Wanted,
  onBatch: (batch: Batch) => void | Promise<void>,
  signal: AbortSignal,
  handlers: TailHandlers = {},
): Promise<void> {
  if (signal.aborted) return;
  const queue: (Batch | MissedEvents)[] = [];
  let failure: unknown;
  let working: Promise<void> | undefined;
  let begin: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const work = async (): Promise<void> => {
    await started;
    try {
      for (let item = queue.shift(); item !== undefined && !signal.aborted; item = queue.shift()) {
        if ('missed' in item) handlers.onMissed?.(item);
        else await onBatch(item);
        if (queue.length < QUEUE_LIMIT / 2) client.resume();
      }
    } catch (error) {
      failure = error;
      client.close();
    }
    working = undefined;
  };
  const take = (item: Batch | MissedEvents): void => {
    queue.push(item);
    if (queue.length >= QUEUE_LIMIT) client.pause();
    working ??= work();
  };
  const client = new CaptureClient({ path, software: 'vslog tail', handlers: { onBatch: take, onOverrun: take } });
  const onAbort = (): void => client.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const { node } = await client.connect();
    const { epoch, first } = await client.subscribeLive(wanted);
    handlers.onStart?.({ node, epoch, first });
    begin();
    const ended = await client.closed;
    await working;
    if (failure !== undefined) throw failure;
    if (ended !== undefined && !signal.aborted) throw ended;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    client.close();
  }
}
