import { vi } from 'vitest';
import { SegmentWriter } from '../../src/spool/segment-writer.js';
import { SpoolSinks } from '../../src/spool/sinks.js';
import { Spool } from '../../src/spool/spool.js';
import { NO_STATE, StateFile } from '../../src/spool/state.js';
import type { Mend } from './cases.js';

/** What is taken out of production now. Mocks of modules ask it, too: see mends.test.ts. */
export const out: { mend: Mend | undefined } = { mend: undefined };

/** Takes out of production what it does against a fault, until restore(). */
export function takeOut(mend: Mend): void {
  out.mend = mend;
  if (mend === 'sinks that are all known before anything is removed') registerOneByOne();
  if (mend === 'footers that speak only of what is durable') sealOneByOne();
  if (mend === 'ids that never go back') forgetIds();
}

export function restore(): void {
  out.mend = undefined;
  vi.restoreAllMocks();
}

/** No sink is known when the spool is opened; what is registered first has things removed. */
function registerOneByOne(): void {
  const open = Spool.open.bind(Spool);
  vi.spyOn(Spool, 'open').mockImplementation((directory, options) => open(directory, options, []));
  const { register } = Spool.prototype;
  vi.spyOn(Spool.prototype, 'register').mockImplementation(async function (this: Spool, name) {
    await register.call(this, name);
    await this.seal();
  });
}

/** Each segment of a run is synced with its own footer, and not all of them before the first one's. */
function sealOneByOne(): void {
  let sealing = false;
  const { sync, seal } = SegmentWriter.prototype;
  const inside = Spool.prototype as unknown as { sealWriters(...args: unknown[]): Promise<void> };
  const { sealWriters } = inside;
  vi.spyOn(inside, 'sealWriters').mockImplementation(async function (this: Spool, ...args) {
    sealing = true;
    await sealWriters.apply(this, args).finally(() => {
      sealing = false;
    });
  });
  vi.spyOn(SegmentWriter.prototype, 'sync').mockImplementation(async function (this: SegmentWriter) {
    if (!sealing) await sync.call(this);
  });
  vi.spyOn(SegmentWriter.prototype, 'seal').mockImplementation(async function (this: SegmentWriter, ...args) {
    await sync.call(this);
    return seal.apply(this, args);
  });
}

/** Only the segments that are there say which ids were given. */
function forgetIds(): void {
  vi.spyOn(SpoolSinks.prototype, 'newestDelivered', 'get').mockReturnValue(0);
  const open = StateFile.open.bind(StateFile);
  vi.spyOn(StateFile, 'open').mockImplementation(async (directory) => {
    const { file } = await open(directory);
    file.change(() => NO_STATE);
    return { file, reading: { state: 'absent' } };
  });
}
