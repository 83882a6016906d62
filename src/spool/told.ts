import { readFile } from 'node:fs/promises';
import { nextEvent } from '../wire/batch.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { LOCAL_EPOCH, type Loss } from './loss.js';
import type { Segment } from './segment.js';

/** The loss records of a body of the collector's own. Throws when it cannot be read. */
export function lossesIn(body: Buffer): Loss[] {
  const found: Loss[] = [];
  for (let at = 0; at < body.length; ) {
    const { start, end } = nextEvent(body, at);
    at = end;
    const event = v1.ControlEvent.decode(body.subarray(start, end));
    const where = v1.LossPlace.Value[event.where] as keyof typeof v1.LossPlace.Value | undefined;
    if (event.kind !== v1.ControlKind.Value.loss || where === undefined || where === 'none') continue;
    const [lost, firstNs, lastNs] = [toBigInt(event.lost), toBigInt(event.first_ns), toBigInt(event.last_ns)];
    const named = event.loss_id === '' ? {} : { id: event.loss_id };
    found.push({ where, lost, firstNs, lastNs, detail: event.detail, unknown: event.lost_unknown, ...named });
  }
  return found;
}

/** What the collector's own segments that are here tell as lost. Those that cannot be read tell nothing. */
export async function lossesOf(segments: readonly Segment[]): Promise<Loss[]> {
  const own = segments.filter(({ epoch, record }) => record === 'control' && epoch.startsWith(LOCAL_EPOCH));
  return (
    await Promise.all(
      own.map(({ path }) =>
        readFile(path)
          .then(lossesIn)
          .catch(() => []),
      ),
    )
  ).flat();
}
