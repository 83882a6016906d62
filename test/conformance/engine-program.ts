import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { readBatch } from '../../src/wire/batch.js';
import { FrameReader } from '../../src/wire/frame.js';
import { v1 } from '../../src/wire/proto.js';
import { type Entry, entriesOf } from './entry.js';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const EVENT_BATCH = 0x0103;
const CONTROL_ERROR = 0x0002;

/** The embedded balancer with a simulated network around it: native/main.cc, which says what it can be told. */
export class EngineProgram {
  /** Everything told so far. */
  readonly entries: Entry[] = [];
  private readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  private readonly reader = new FrameReader();
  private waiting: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined;
  private complaint = '';

  constructor(program = process.env.VSLOG_ENGINE_SCENARIO ?? join(ROOT, 'build/native/conformance/engine-scenario')) {
    if (!existsSync(program)) throw new Error(`${program} is not built: run \`npm run setup -- --tests\``);
    this.process = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.process.stdout.on('data', (chunk: Buffer) => this.take(chunk));
    this.process.stderr.on('data', (chunk: Buffer) => {
      this.complaint += chunk.toString();
    });
    this.process.stdin.on('error', () => undefined);
    this.process.once('close', (code, signal) => {
      this.waiting?.reject(new Error(`the engine's program ended (${code ?? signal}): ${this.complaint}`));
      this.waiting = undefined;
    });
  }

  /** Does one command. Resolves to what there is to say of it, rejects when it could not be done. */
  tell(command: string): Promise<string> {
    if (this.process.exitCode !== null || this.process.signalCode !== null)
      return Promise.reject(new Error(`the engine's program has ended: ${this.complaint}`));
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject: (error) => reject(new Error(`${command}: ${error.message}`)) };
      this.process.stdin.write(`${command}\n`);
    });
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.process.once('close', resolve));
    this.process.kill('SIGKILL');
    await gone;
  }

  private take(chunk: Buffer): void {
    this.reader.push(chunk, ({ type, payload, offset }) => {
      if (type === EVENT_BATCH) {
        this.entries.push(...entriesOf(readBatch(payload, offset)));
        return;
      }
      if (type !== CONTROL_ERROR) return;
      const { code, message } = v1.ErrorReply.decode(payload);
      const waiting = this.waiting;
      this.waiting = undefined;
      if (code === 0) waiting?.resolve(message);
      else waiting?.reject(new Error(message));
    });
  }
}
