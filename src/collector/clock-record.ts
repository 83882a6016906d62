import type { ClockChange } from '../clock/believed-clock.js';
import type { LocalRecord } from '../spool/loss.js';
import { durationText } from '../text/format.js';
import { timeOf, timeOfNs } from '../text/rfc3339.js';
import { v1 } from '../wire/proto.js';
import type { NodeClock } from './node-clocks.js';

/** How to make a clock that is right believed. */
export const ACCEPT_ADVICE = 'If the clock is right, say so by "vslog clock accept"; else set it.';

/** `9 years ahead of`, `3 days behind`. */
export function aheadText(aheadMs: number): string {
  return `${durationText(Math.abs(aheadMs) / 1000)} ${aheadMs < 0 ? 'behind' : 'ahead of'}`;
}

/** What the collector's own clock did, as a record of the log. */
export function ownClockRecord({ kind, expectedMs, wallMs }: ClockChange): LocalRecord {
  const sentence = {
    doubted: `The collector's clock shows ${timeOf(wallMs)}, ${aheadText(wallMs - expectedMs)} the time that is believed. Nothing is removed from the store for its age until it is believed. ${ACCEPT_ADVICE}`,
    returned: `The collector's clock is right again: it showed ${timeOf(expectedMs)}, and shows ${timeOf(wallMs)} now.`,
    believed: `The collector's clock is believed now, at ${timeOf(wallMs)}. It should have shown ${timeOf(expectedMs)}.`,
  }[kind];
  return clockRecord('collector', BigInt(Math.floor(expectedMs)) * 1_000_000n, BigInt(Math.floor(wallMs)) * 1_000_000n, sentence);
}

/** What a node's clock did. */
export function nodeClockRecord({ node, kind, expectedNs, eventNs }: NodeClock): LocalRecord {
  const aheadMs = Number((eventNs - expectedNs) / 1_000_000n);
  const sentence =
    kind === 'doubted'
      ? `An event of node ${node} has time ${timeOfNs(eventNs)}, ${aheadText(aheadMs)} the collector's clock when it arrived: it waited so long, comes from a recording, or the node's clock is wrong. Events keep their times; the store keeps them from their arrival.`
      : `Events of node ${node} have believable times again.`;
  return clockRecord(node, expectedNs, eventNs, sentence);
}

function clockRecord(name: string, expectedNs: bigint, foundNs: bigint, detail: string): LocalRecord {
  return { kind: v1.ControlKind.Value.clock, name, old_value: String(expectedNs), new_value: String(foundNs), detail };
}
