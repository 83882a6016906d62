import type { RecordName } from '../spool/segment.js';

/** Rows of a sink that do not say what was delivered. */
export interface ContentDifference {
  /** The table that has them. */
  readonly table: string;
  readonly node: string;
  readonly epoch: string;
  /** When the hour begins, by the events' own time, seconds since 1970. */
  readonly hour: number;
  /** Rows that should be there, and that are. As many as should be: what they say was changed. */
  readonly expected: number;
  readonly found: number;
  /** The segment whose rows they are, and its sequences; null: it is not known. */
  readonly segment: number | null;
  readonly first: number | null;
  readonly last: number | null;
}

/** What the rows of a sink say, against what they said when they were delivered. */
export interface ContentReport {
  readonly checked: boolean;
  /** Why not, a sentence; null: it was. */
  readonly reason: string | null;
  /** Events whose rows say what was delivered. */
  readonly events: number;
  /** Events whose content is not compared, since a version of vslog delivered them that kept no hash of it, or they came again in other segments. */
  readonly unknown: number;
  /** Events in hours that are being erased: not compared now. */
  readonly erasing: number;
  /** Events that are gone because they are older than the sink keeps them. */
  readonly expired: number;
  /** Rows that are made of events, such as those of ended connections, and that are as they are made. */
  readonly derived: number;
  readonly differences: readonly ContentDifference[];
  /** Differences beyond those that are listed. */
  readonly more: number;
  readonly ok: boolean;
}

/** Which content is compared. */
export interface ContentOptions {
  /** Hours before it are left out, ms since 1970; undefined: everything is compared. */
  readonly sinceMs?: number | undefined;
}

/** What is said of a content that was not compared. */
export function notCompared(reason: string): ContentReport {
  const nothing = { events: 0, unknown: 0, erasing: 0, expired: 0, derived: 0, differences: [], more: 0 };
  return { checked: false, reason, ...nothing, ok: false };
}

/** The identity of rows that are compared. */
export interface ContentKey {
  readonly node: string;
  readonly epoch: string;
  readonly record: RecordName;
}
