import type { Segment } from '../spool/segment.js';

/**
 * Where the pump delivers sealed segments, in order, one at a time. A new sink is one folder beside this file and one line in its registry.
 * `deliver` may be called again with a segment that was delivered before (after a crash between delivery and the cursor's write): it must then change nothing.
 */
export interface Sink {
  readonly name: string;
  /** Makes the sink ready. Rejects with a sentence; the pump tries again with back-off. */
  start(): Promise<void>;
  /** Resolves when the segment is safe in the sink. Rejects with SinkRejection when its content is at fault, with any other error when it may work later. */
  deliver(segment: Segment): Promise<void>;
  close(): Promise<void>;
}

/** The sink refuses a segment for its content: trying again cannot help. */
export class SinkRejection extends Error {
  override readonly name = 'SinkRejection';
}
