/** Times for machines: RFC 3339, UTC. */

/** With milliseconds, of ms since 1970. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** With nanoseconds, of ns since 1970. */
export function timeOfNs(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}

/** Of what ClickHouse writes of a time in UTC: `2026-01-31 12:00:30.123456789`. */
export function timeOfStore(text: string): string {
  return `${text.replace(' ', 'T')}Z`;
}
