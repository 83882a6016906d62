import type { Lack } from '../spool/cursors.js';

/** Of a sink, for people and programs: what was gone before it had it. */
export interface LackReport {
  readonly first_segment: number;
  readonly last_segment: number;
  /** Null: nobody knows how many. */
  readonly events: number | null;
  /** When that was found, RFC 3339. */
  readonly found: string;
  /** The sink came later than they went. */
  readonly new: boolean;
  /** `vslog sink accept` said that it is all right. */
  readonly accepted: boolean;
}

export function lackReport(lack: Lack | undefined): LackReport | null {
  if (lack === undefined) return null;
  const { first, last, events, atMs, isNew, accepted } = lack;
  return { first_segment: first, last_segment: last, events, found: new Date(atMs).toISOString(), new: isNew, accepted };
}

/** A sentence; with what to do as long as nobody accepted it. */
export function lackText(sink: string, { first_segment: first, last_segment: last, events, new: isNew, accepted }: LackReport): string {
  const count = events === null ? 'nobody knows how many events' : `${events} events`;
  const what = isNew
    ? `It came when segments ${first} to ${last} had gone from the spool, or some of them: what those held it will not have.`
    : `It lacks segments ${first} to ${last} (${count}): they were gone before it had them.`;
  return accepted ? `${what} That was accepted.` : `${what} "vslog sink accept ${sink}" says that this is all right.`;
}
