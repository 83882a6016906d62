import type Long from 'long';
import protobuf from 'protobufjs/minimal.js';
import { vslog } from './generated/vslog.js';

/** The generated messages of proto/vslog/v1. */
export const v1 = vslog.v1;
export type v1 = typeof vslog.v1;

/** The one that protobufjs has loaded: `import` would load a second. */
const long = protobuf.util.Long as unknown as typeof Long;

/** A 64-bit field as a bigint. */
export function toBigInt(value: Long | number | null | undefined): bigint {
  if (value === null || value === undefined) return 0n;
  if (typeof value === 'number') return BigInt(value);
  return (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
}

/** A bigint as an unsigned 64-bit field. */
export function toLong(value: bigint): Long {
  return long.fromBits(Number(value & 0xffffffffn) | 0, Number((value >> 32n) & 0xffffffffn) | 0, true);
}
