import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { compileTool } from './tools.js';

const NS = 1_000_000n;

/** The wall clock of processes that were started with its environment. */
export class FaultClock {
  /** To be added to what a process is started with. */
  readonly env: NodeJS.ProcessEnv;
  private readonly path: string;
  private ms = 0;

  /** `below`: an existing folder that those processes may read. */
  constructor(below: string) {
    this.path = join(below, 'clock_step');
    writeFileSync(this.path, Buffer.alloc(8), { mode: 0o644 });
    this.env = { LD_PRELOAD: compileTool('clock_step', below, true), CLOCK_STEP: this.path };
  }

  /** What it shows more than the true time, ms. */
  get aheadMs(): number {
    return this.ms;
  }

  /** Somebody sets it. It takes effect at once. */
  set(aheadMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(aheadMs) * NS);
    // In place: the processes have it mapped.
    const file = openSync(this.path, 'r+');
    writeSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
    this.ms = aheadMs;
  }
}
