import { Worker } from 'node:worker_threads';
import type { HourTally } from '../sink.js';
import type { Appended, AppendJob } from './append.js';
import type { EpochSpans, FileToRead } from './contents.js';
import type { ErasedFile, EraseJob } from './erase.js';
import { TargetError, UnreadableSegment } from './failure.js';
import type { Answer, Request } from './worker.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Ask<R> = R extends Request ? Omit<R, 'id'> : never;

/** The sink's other thread. It is started with the first request, again after it ended, and keeps no process alive that waits for nothing. */
export class FileWorker {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private last = 0;

  append(job: AppendJob): Promise<Appended> {
    return this.ask({ kind: 'append', job }) as Promise<Appended>;
  }

  index(file: FileToRead): Promise<EpochSpans[]> {
    return this.ask({ kind: 'index', file }) as Promise<EpochSpans[]>;
  }

  erase(job: EraseJob): Promise<ErasedFile> {
    return this.ask({ kind: 'erase', job }) as Promise<ErasedFile>;
  }

  tally(files: readonly FileToRead[], wanted: readonly EpochSpans[]): Promise<HourTally[]> {
    return this.ask({ kind: 'tally', files, wanted }) as Promise<HourTally[]>;
  }

  /** Ends the thread, and with it what it was doing. */
  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
    this.fail(new Error('The file sink was closed.'));
  }

  private ask(request: Ask<Request>): Promise<unknown> {
    const worker = this.worker ?? this.spawn();
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ ...request, id });
    });
  }

  private spawn(): Worker {
    const worker = startThread();
    this.worker = worker;
    const ended = (error: Error): void => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      this.fail(error);
    };
    worker.on('message', (answer: Answer) => this.take(worker, answer));
    worker.once('error', (error) => ended(new Error(`The thread of the file sink ended: ${error.message}.`)));
    worker.once('exit', (code) => ended(new Error(`The thread of the file sink ended with code ${code}.`)));
    return worker;
  }

  private take(worker: Worker, answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (this.waiting.size === 0) worker.unref();
    if ('error' in answer) waiting?.reject(errorOf(answer.error));
    else waiting?.resolve(answer.value);
  }

  private fail(error: Error): void {
    const all = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of all) reject(error);
  }
}

function startThread(): Worker {
  return import.meta.url.endsWith('.ts')
    ? new Worker(new URL('./worker-sources.mjs', import.meta.url), { execArgv: [] })
    : new Worker(new URL('./worker.js', import.meta.url));
}

function errorOf({ name, message, code }: { name: string; message: string; code: string }): Error {
  if (name === 'UnreadableSegment') return new UnreadableSegment(message);
  if (name === 'TargetError') return new TargetError(message, code);
  return Object.assign(new Error(message), code === '' ? {} : { code });
}
