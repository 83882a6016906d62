/** When what was written is made durable, and so acknowledged: at once, at most every so many ms, or whenever the system likes. */
export type FsyncPolicy = 'always' | 'never' | `interval:${number}`;

/** What gives way when a sink takes too little. */
export type WhenFull = 'block' | 'drop-oldest';

export interface SpoolOptions {
  /** Default `always`: one fsync for all that came during the last one. `interval:MS` acknowledges that much later. `never` survives a crash of the process, not of the machine. */
  readonly fsync?: FsyncPolicy;
  /** The next write begins so long after the last one at the earliest, so that one write and one fsync serve all that came meanwhile. Ms, default 0. */
  readonly gatherMs?: number;
  /** Delivered segments are removed, oldest first, while the spool is larger. Bytes, default 2 GiB. */
  readonly maxBytes?: number;
  /** Delivered segments are removed when they were sealed so long ago. Ms, default 0: never. */
  readonly maxAgeMs?: number;
  /** Delivered segments are removed, oldest first, while there are more. Default 10000. */
  readonly maxSegments?: number;
  /** Most that may wait for a sink. Bytes of sealed segments that some sink has not, default 0: as much as the disk takes. */
  readonly backlogBytes?: number;
  /** Longest that a sealed segment may wait for a sink. Ms, default 0: for ever. Only with `drop-oldest`. */
  readonly backlogAgeMs?: number;
  /** When more waits than may, or the disk is full. `block`, the default: nothing is taken until there is room. `drop-oldest`: the oldest segments are removed, and a loss record says what they were. */
  readonly whenFull?: WhenFull;
  /** A segment is sealed at this size. Bytes, default 64 MiB. */
  readonly segmentBytes?: number;
  /** A segment is sealed at this many events. Default 1000000. */
  readonly segmentEvents?: number;
  /** The believed time, ms since 1970, by which segments grow old. Default: the wall clock. */
  readonly now?: () => number;
  /** A segment is sealed at this age, so that its events can be queried soon. Ms, default 400. */
  readonly segmentAgeMs?: number;
}

export interface SpoolSettings extends Required<Omit<SpoolOptions, 'fsync'>> {
  /** Ms between syncs; 0: after every write; undefined: never. */
  readonly syncMs: number | undefined;
}

/** The options with their defaults. Throws RangeError, a sentence, at a policy that is none. */
export function spoolSettings(options: SpoolOptions): SpoolSettings {
  return {
    syncMs: syncInterval(options.fsync ?? 'always'),
    gatherMs: options.gatherMs ?? 0,
    maxBytes: options.maxBytes ?? 2 * 1024 ** 3,
    maxSegments: options.maxSegments ?? 10_000,
    maxAgeMs: options.maxAgeMs ?? 0,
    backlogBytes: options.backlogBytes ?? 0,
    backlogAgeMs: options.backlogAgeMs ?? 0,
    whenFull: options.whenFull ?? 'block',
    segmentBytes: options.segmentBytes ?? 64 * 1024 ** 2,
    segmentEvents: options.segmentEvents ?? 1_000_000,
    segmentAgeMs: options.segmentAgeMs ?? 400,
    now: options.now ?? Date.now,
  };
}

function syncInterval(policy: string): number | undefined {
  if (policy === 'always') return 0;
  if (policy === 'never') return undefined;
  const match = /^interval:(\d+)$/.exec(policy);
  if (match === null) throw new RangeError(`The fsync policy is ${JSON.stringify(policy)}: it must be always, interval:MS or never.`);
  return Number(match[1]);
}
