import { outcomeOf } from '../outcome/outcome.js';
import { timeOfNs } from '../text/rfc3339.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { formatAddress } from './address.js';
import { kindOf, type LogEvent } from './event.js';
import { endingOf } from './event-text.js';

/** Labels as SQL shows them: a number, in decimal, whose bit n is label n. */
function labelBits(bytes: Uint8Array | readonly number[]): string {
  let bits = 0n;
  for (const [at, byte] of bytes.entries()) bits |= BigInt(byte) << BigInt(8 * at);
  return String(bits);
}

const ENUMS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  forward: v1.ForwardMethod.Value,
  reason: v1.EndReason.Value,
  scheduled_by: v1.ScheduledBy.Value,
  through: v1.Through.Value,
  where: v1.LossPlace.Value,
};

/** A field that is a time: all of nanoseconds but a duration. */
function isTime(name: string): boolean {
  return name.endsWith('_ns') && name !== 'duration_ns';
}

/**
 * A record for machines: docs/json/connection-event.schema.json, control-event.schema.json. Names are those of the columns of conn_events and control_events, a time's without
 * its `_ns`; times are RFC 3339, 64-bit ids text, what is not known null.
 */
export function plainEvent(log: LogEvent): Record<string, unknown> {
  const plain: Record<string, unknown> = { node: log.node, epoch: log.epoch, record: log.record };
  const type = log.record === 'conn' ? v1.ConnEvent : v1.ControlEvent;
  const fields = type.toObject(log.event as never, { defaults: true }) as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'kind') plain.kind = kindOf(log);
    else if (isTime(name)) {
      const ns = toBigInt(value as never);
      plain[name.slice(0, -'_ns'.length)] = ns === 0n && name !== 'time_ns' ? null : timeOfNs(ns);
    } else if (name === 'labels') plain.labels = labelBits(value as Uint8Array);
    else if (value instanceof Uint8Array || Array.isArray(value)) plain[name] = formatAddress(Uint8Array.from(value as Uint8Array));
    else if (ENUMS[name] !== undefined) plain[name] = ENUMS[name][value as number] ?? value;
    else if (typeof value === 'object' && value !== null) {
      const big = toBigInt(value as never);
      plain[name] = name.endsWith('_id') ? String(big) : Number(big);
    } else plain[name] = value;
    if (log.record === 'conn' && name === 'reason') plain.outcome = outcomeOf(endingOf(log.event));
  }
  return plain;
}
