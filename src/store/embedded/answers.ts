import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeFolder } from '../../access/place.js';
import { tooLarge } from '../errors.js';
import type { StoredAnswer } from '../store.js';
import type { EngineAnswer } from './ask.mjs';
import type { Target } from './collect.mjs';
import { Room } from './room.js';
import { TooMany } from './turns.js';

/** Larger answers go into a file, bytes. */
const MEMORY_BYTES = 1024 * 1024;
/** So many of the largest answers fit on the disk at one time: those that are being written, and as many that are being sent. */
const LARGEST = 8;

/** A place for one answer, while its query runs. */
export interface AnswerPlace {
  /** Which of the places that are there at one time: from 0. */
  readonly number: number;
  readonly target: Target;
  /** The answer has come: it stays until it is discarded. */
  keep(answer: EngineAnswer): StoredAnswer;
  /** There is none. */
  drop(): void;
}

/** The folder through which the engine's answers come: a pipe for each query that runs, a file for each answer that is large. Bytes are limited for each, and for all. */
export class Answers {
  private readonly dir: string;
  private readonly maxBytes: number;
  private readonly pipes: number[];
  private readonly room: Room;
  /** Files that somebody may still want. */
  private readonly files = new Set<string>();
  private readonly names: readonly string[];

  /** `atOnce`: queries at one time; `maxBytes`: of one answer. */
  constructor(dir: string, atOnce: number, maxBytes: number) {
    this.dir = dir;
    this.maxBytes = maxBytes;
    this.room = new Room(LARGEST * maxBytes, maxBytes);
    this.pipes = Array.from({ length: atOnce }, (_, number) => atOnce - 1 - number);
    this.names = Array.from({ length: atOnce }, (_, number) => `pipe-${number}`);
  }

  /** Makes the folder and its pipes; removes what an earlier process left. */
  async prepare(): Promise<void> {
    makeFolder(this.dir);
    for (const name of readdirSync(this.dir)) if (!this.files.has(name)) rmSync(join(this.dir, name), { recursive: true, force: true });
    const pipes = this.names.map((name) => join(this.dir, name));
    await promisify(execFile)('mkfifo', ['-m', '600', ...pipes]);
    for (const pipe of pipes) if (!lstatSync(pipe).isFIFO()) throw new Error(`${pipe} is no pipe: remove it.`);
  }

  /** Throws TooMany when answers that are being sent leave no room. */
  open(): AnswerPlace {
    const allowance = this.room.take();
    if (allowance === undefined)
      throw new TooMany('Other answers, which their clients are still reading, take all the room: ask again later.');
    const number = this.pipes.pop();
    if (number === undefined) throw new Error('More queries run than there are pipes.');
    const name = randomUUID();
    const path = join(this.dir, name);
    this.files.add(name);
    const discard = (): void => {
      if (!this.files.delete(name)) return;
      rmSync(path, { force: true });
      allowance.free();
    };
    const target = {
      pipe: join(this.dir, `pipe-${number}`),
      path,
      quota: allowance.bytes,
      memory: Math.min(MEMORY_BYTES, allowance.bytes),
    };
    return {
      number,
      target,
      keep: ({ bytes, stored }) => {
        this.pipes.push(number);
        allowance.settle(stored);
        return { body: stored > 0 ? { path } : { bytes }, discard };
      },
      drop: () => {
        this.pipes.push(number);
        discard();
      },
    };
  }

  /** Why an answer was refused, a sentence. */
  tooLarge(quota: number): string {
    return tooLarge(quota, this.maxBytes);
  }
}
