/** Where an answer goes. */
export interface Target {
  /** Path of a named pipe that the engine writes to; nobody else uses it meanwhile. */
  readonly pipe: string;
  /** File for an answer of more than `memory` bytes. */
  readonly path: string;
  /** Bytes that the answer may have. */
  readonly quota: number;
  readonly memory: number;
}

export interface Collected {
  /** Bytes of the answer that came. */
  readonly size: number;
  /** The answer; undefined: it is in the file. */
  readonly bytes: Uint8Array | undefined;
}

export interface Collecting {
  /** To be called when the engine is done with the pipe. Rejects with OverQuota, or with NotKept when the file could not be written. */
  end(): Promise<Collected>;
  /** Gives up, and leaves no file. */
  cancel(): Promise<void>;
}

/** The answer has more bytes than it may have. */
export class OverQuota extends Error {}

/** The file could not be written; the message is the system's. */
export class NotKept extends Error {}

/** Reads what the engine writes, while it writes it. `onStopped` is called as soon as no more is taken: the engine does not notice that by itself. */
export function collect(target: Target, onStopped: () => void): Collecting;
