/** ns since 1970 that an event can have: 64 bits. Columns of type DateTime64(9) hold them as signed numbers, so what is after 2262-04-11 stands before 1970 there, bit for bit. */
const MOST = 18_446_744_073_709_551_615n;
/** Up to here a Date tells days apart, and ClickHouse finds rows of a time by their partition. */
const LAST_DATE = 5_662_310_399_999_999_999n; // 2149-06-06
/** The last whole minute of a DateTime, s since 1970. */
export const LAST_MINUTE_S = 4_294_967_280;

/** An event's time as the number that it was, UInt64, ns since 1970. */
export function eventNs(column: string): string {
  return `toUInt64(toUnixTimestamp64Nano(${column}))`;
}

/** The minute of an event's time in rs_minute, DateTime: what is after the last one counts there. As migration 015 has it. */
export function minuteOf(column: string): string {
  return `toDateTime(least(intDiv(${eventNs(column)}, 60000000000) * 60, ${LAST_MINUTE_S}), 'UTC')`;
}

/** A condition on a time, ns since 1970, both ends included. */
export function within(column: string, first: bigint, last: bigint): string {
  const end = last > MOST ? MOST : last;
  if (end > LAST_DATE) return `${eventNs(column)} BETWEEN ${first} AND ${end}`;
  return `${column} BETWEEN fromUnixTimestamp64Nano(toInt64(${first}), 'UTC') AND fromUnixTimestamp64Nano(toInt64(${end}), 'UTC')`;
}
