import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bodyName, listSegments } from '../spool/layout.js';
import { nextEvent } from '../wire/batch.js';
import { v1 } from '../wire/proto.js';
import { count } from './json.js';
import type { RecordedLoss } from './verification.js';

/** The loss records in a spool's control segments, by place. For when there is no store to ask. */
export async function lossesInSpool(directory: string): Promise<RecordedLoss[]> {
  const found = new Map<string, { lost: number; records: number }>();
  for (const { id, record } of await listSegments(directory)) {
    if (record !== 'control') continue;
    const body = await readFile(join(directory, bodyName(id, record))).catch(() => Buffer.alloc(0));
    try {
      for (let at = 0; at < body.length; ) {
        const { start, end } = nextEvent(body, at);
        at = end;
        const event = v1.ControlEvent.decode(body.subarray(start, end));
        if (event.kind !== v1.ControlKind.Value.loss) continue;
        const where = v1.LossPlace.Value[event.where] ?? 'none';
        const sum = found.get(where) ?? { lost: 0, records: 0 };
        found.set(where, { lost: sum.lost + count(event.lost), records: sum.records + 1 });
      }
    } catch {
      // A torn tail or damage: the check of the spool tells of it.
    }
  }
  return [...found].map(([where, sum]) => ({ where, ...sum }));
}
