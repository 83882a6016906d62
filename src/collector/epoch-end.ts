import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { loadIndex } from '../spool/catalog.js';
import type { LogPosition } from '../spool/index-file.js';
import { bodyName, listSegments } from '../spool/layout.js';
import type { Loss } from '../spool/loss.js';
import { type Batch, nextEvent } from '../wire/batch.js';
import { v1 } from '../wire/proto.js';

/*
 * An epoch is complete when its last record is the capture's stop, or when the next epoch's first record names it as the one before: then what of it was left came
 * first, and whatever else is missing the capture has told. Else nobody knows what happened after the last record that came.
 */

/** What the first record of an epoch says of the epoch before; undefined: nothing, or it is another record. Decodes one event. */
export function takenOver(batch: Batch): LogPosition | undefined {
  if (batch.record !== 'control' || batch.first !== 1n) return undefined;
  const { start, end } = nextEvent(batch.body, 0);
  const event = v1.ControlEvent.decode(batch.body.subarray(start, end));
  if (event.kind !== v1.ControlKind.Value.capture_started) return undefined;
  const [, epoch, last] = /^epoch=(\S+) last=(\d+) end=/.exec(event.old_value) ?? [];
  return epoch === undefined || last === undefined ? undefined : { epoch, sequence: BigInt(last) };
}

/** Whether a batch ends with the capture's stop. Decodes one event. */
export function endsByStop(batch: Pick<Batch, 'record' | 'body'>): boolean {
  if (batch.record !== 'control') return false;
  let last = { start: 0, end: 0 };
  while (last.end < batch.body.length) last = nextEvent(batch.body, last.end);
  const { kind } = v1.ControlEvent.decode(batch.body.subarray(last.start, last.end));
  return kind === v1.ControlKind.Value.capture_stopped;
}

/** Whether a spool's record at a position is the capture's stop. False as well when it is not there any more, or cannot be read. */
export async function stoppedAt(directory: string, { epoch, sequence }: LogPosition): Promise<boolean> {
  const segments = (await listSegments(directory)).filter(({ record, hasBody }) => record === 'control' && hasBody);
  for (const files of segments.reverse()) {
    const index = await loadIndex(directory, files).catch(() => undefined);
    if (index?.header?.epoch !== epoch) continue;
    const entry = index.entries.findLast(({ first }) => first <= sequence);
    if (entry === undefined) continue;
    if (entry.first + BigInt(entry.count) - 1n !== sequence) return false;
    try {
      return endsByStop({ record: 'control', body: await readPart(join(directory, bodyName(files.id, files.record)), entry) });
    } catch {
      return false; // the check of the spool tells of the damage
    }
  }
  return false;
}

async function readPart(path: string, { offset, length }: { readonly offset: number; readonly length: number }): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const body = Buffer.alloc(length);
    const { bytesRead } = await file.read(body, 0, length, offset);
    return body.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What is missing at an epoch's end, when `epoch` begins: `has` is what came of it, and `before` what the new one says of the one before it. */
export function lossesAtEnd(has: LogPosition, stopped: boolean, epoch: string, before: LogPosition | undefined): Loss[] {
  if (before?.epoch === has.epoch) return before.sequence > has.sequence ? [neverCame(has, before.sequence)] : [];
  const losses: Loss[] = [];
  if (!stopped) {
    losses.push({
      where: 'journal',
      lost: 0n,
      detail: `Events after sequence ${has.sequence} of epoch ${has.epoch} are unknown: it ended without the record of a stop, and epoch ${epoch} does not go on from it.`,
      // As the capture names it.
      id: `journal:${has.epoch}:end`,
      unknown: true,
    });
  }
  // An epoch in between of which nothing was left.
  if (before !== undefined) losses.push(neverCame({ epoch: before.epoch, sequence: 0n }, before.sequence));
  return losses;
}

function neverCame({ epoch, sequence }: LogPosition, last: bigint): Loss {
  const lost = last - sequence;
  return {
    where: 'journal',
    lost,
    detail: `${lost} events (sequences ${sequence + 1n} to ${last} of epoch ${epoch}) never came from the capture: its journal had them no more.`,
    id: `journal:${epoch}:${sequence + 1n}-${last}`,
  };
}
