import type { FileHandle } from 'node:fs/promises';
import { listSealed } from './catalog.js';
import { CursorFiles, cursorNames, readCursor } from './cursors.js';
import { lockDirectory } from './lock.js';
import { cursorOnDisk } from './standing.js';
import { StateFile } from './state.js';

/** What a sink had not got. */
export interface NotGot {
  readonly segments: number;
  readonly events: number;
}

/** What to say where a sink is asked about that is not here. */
export function unknownSink(name: string, known: readonly string[]): RangeError {
  const there = known.length === 0 ? 'none is known here' : `there are ${known.join(', ')}`;
  return new RangeError(`There is no sink ${JSON.stringify(name)}: ${there}.`);
}

export function sinkInUse(name: string): RangeError {
  return new RangeError(`Sink ${name} is configured, so it is to get what it lacks: take it out of the configuration first.`);
}

export function lacksNothing(name: string): RangeError {
  return new RangeError(`Sink ${name} lacks nothing that is known: there is nothing to accept.`);
}

/** Changes what a spool keeps for its sinks, where no collector runs. Everything rejects with RangeError, a sentence, where there is nothing to be done. */
export class SinkChanges {
  private readonly directory: string;
  private readonly configured: readonly string[];
  private readonly lock: FileHandle;

  private constructor(directory: string, configured: readonly string[], lock: FileHandle) {
    this.directory = directory;
    this.configured = configured;
    this.lock = lock;
  }

  /** Takes the spool. Rejects with SpoolInUseError while a collector has it. */
  static async open(directory: string, configured: readonly string[]): Promise<SinkChanges> {
    return new SinkChanges(directory, configured, await lockDirectory(directory));
  }

  /** Removes the cursor of a sink that is not configured. */
  async forget(name: string): Promise<NotGot> {
    const known = await cursorNames(this.directory);
    if (!known.includes(name)) throw unknownSink(name, known);
    if (this.configured.includes(name)) throw sinkInUse(name);
    const reading = await readCursor(this.directory, name);
    const delivered = reading.state === 'whole' ? reading.cursor.delivered : 0;
    const left = (await listSealed(this.directory)).filter(({ id }) => id > delivered);
    await new CursorFiles(this.directory).remove(name);
    const { file } = await StateFile.open(this.directory);
    file.change((state) => ({ ...state, cursors: Object.fromEntries(Object.entries(state.cursors).filter(([other]) => other !== name)) }));
    await file.close();
    return { segments: left.length, events: left.reduce((sum, { count }) => sum + count, 0) };
  }

  /** Takes what a sink lacks for all right. */
  async accept(name: string): Promise<NotGot> {
    const known = await cursorNames(this.directory);
    if (!known.includes(name)) throw unknownSink(name, known);
    const { cursor } = await cursorOnDisk(this.directory, name);
    if (cursor.lacks === undefined || cursor.lacks.accepted) throw lacksNothing(name);
    const files = new CursorFiles(this.directory);
    await files.write(name, { ...cursor, lacks: { ...cursor.lacks, accepted: true } });
    await files.close();
    return { segments: cursor.lacks.last - cursor.lacks.first + 1, events: cursor.lacks.events ?? 0 };
  }

  async close(): Promise<void> {
    await this.lock.close();
  }
}
