import type { BelievedClock } from '../clock/believed-clock.js';
import type { PumpOptions } from '../sink/pump.js';
import type { Sink } from '../sink/sink.js';
import type { SpoolOptions } from '../spool/options.js';

export interface CollectorOptions {
  /** Path of the capture's unix socket. */
  readonly capture: string;
  /** Name of the durable subscription: 1 to 63 of [A-Za-z0-9._-]. Default `collector`. */
  readonly name?: string;
  /** What we are, for the capture's own log. */
  readonly software?: string;
  /** Directory of the spool. */
  readonly spoolDirectory: string;
  /** Folder of the orders to erase a person; undefined: there are none. */
  readonly eraseDirectory?: string;
  readonly spool?: SpoolOptions;
  /** The believed time, which the sinks must have, too. Default: made of what the spool's folder remembers. */
  readonly clock?: BelievedClock;
  readonly sinks: readonly Sink[];
  readonly pump?: PumpOptions;
  /** Reading stops while more than this is received and not yet written. Bytes, default 16 MiB. */
  readonly backlogBytes?: number;
  /** Shortest and longest wait before another connection is tried, ms. Default 100 and 1000. */
  readonly reconnectMinMs?: number;
  readonly reconnectMaxMs?: number;
}
