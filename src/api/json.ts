import { toBigInt } from '../wire/proto.js';

/** JSON with bigints: as numbers where a double holds them, else as strings. */
export function toJson(value: unknown, space?: number): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? plain(item) : item), space);
}

function plain(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : String(value);
}

/** A 64-bit field of a protobuf message as a number; counters stay below 2^53. */
export function count(value: Parameters<typeof toBigInt>[0]): number {
  return Number(toBigInt(value));
}
