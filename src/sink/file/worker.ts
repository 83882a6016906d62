/*
 * The thread that decodes, compresses and reads: the collector's own thread moves bytes and must not wait for that.
 */
import { parentPort } from 'node:worker_threads';
import { type AppendJob, append } from './append.js';
import { type EpochSpans, type FileToRead, indexFile, tallyFiles } from './contents.js';
import { type EraseJob, eraseFile } from './erase.js';

export type Request =
  | { readonly id: number; readonly kind: 'append'; readonly job: AppendJob }
  | { readonly id: number; readonly kind: 'index'; readonly file: FileToRead }
  | { readonly id: number; readonly kind: 'erase'; readonly job: EraseJob }
  | { readonly id: number; readonly kind: 'tally'; readonly files: readonly FileToRead[]; readonly wanted: readonly EpochSpans[] };

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string; readonly code: string } };

async function answer(request: Request): Promise<unknown> {
  switch (request.kind) {
    case 'append':
      return append(request.job);
    case 'index':
      return indexFile(request.file);
    case 'erase':
      return eraseFile(request.job);
    case 'tally':
      return tallyFiles(request.files, request.wanted);
  }
}

const port = parentPort;
if (port === null) throw new Error('This is a worker of the file sink.');
port.on('message', (request: Request) => {
  answer(request).then(
    (value) => port.postMessage({ id: request.id, value } satisfies Answer),
    (error: NodeJS.ErrnoException) => {
      const { name, message, code } = error;
      port.postMessage({ id: request.id, error: { name, message, code: code ?? '' } } satisfies Answer);
    },
  );
});
