import type { Loss } from '../spool/loss.js';
import type { Segment } from '../spool/segment.js';
import { type LostSpan, type Sink, type SinkDamage, SinkRejection } from './sink.js';

/** Runs of sequences that a loss's sentence names. */
const RUNS_TOLD = 10;

/** What of the spool a sink is made whole from, and where it is told what cannot be. */
export interface MendSource {
  sealed(): readonly Segment[];
  recordLoss(loss: Loss, node?: string): Promise<void>;
}

/**
 * Makes a sink whole that lost what it had: what the spool still has is delivered again, what it has not becomes a loss in the log. `delivered`: the last segment that the sink
 * was given. Rejects when something failed that may work later; then all of it is repeated, and tells no loss as another one.
 */
export async function mend(sink: Pick<Sink, 'name' | 'deliver' | 'mendable'>, spool: MendSource, delivered: number): Promise<void> {
  const { mendable } = sink;
  const damage = await mendable?.find();
  if (mendable === undefined || damage === undefined) return;
  for (const segment of spool.sealed()) {
    if (segment.id > delivered || !(damage.all || damage.spans.some((span) => meets(segment, span)))) continue;
    try {
      await sink.deliver(segment);
    } catch (error) {
      // It was refused before, and is set aside as such.
      if (!(error instanceof SinkRejection)) throw error;
    }
  }
  for (const { loss, node } of lossesOf(sink.name, damage, await mendable.missing())) await spool.recordLoss(loss, node);
  await mendable.settle();
}

function meets({ node, epoch, record, ranges }: Segment, span: LostSpan): boolean {
  if (node !== span.node || epoch !== span.epoch || record !== span.record) return false;
  return ranges.some(({ first, last }) => first <= span.last && last >= span.first);
}

/** One loss for each node, epoch and record type, and one for what nobody knows. */
export function lossesOf(
  name: string,
  { id, why, unknown }: SinkDamage,
  left: readonly LostSpan[],
): { loss: Loss; node: string | undefined }[] {
  const groups = new Map<string, LostSpan[]>();
  for (const span of left) {
    if (span.missing === 0) continue;
    const key = JSON.stringify([span.node, span.epoch, span.record]);
    groups.set(key, [...(groups.get(key) ?? []), span]);
  }
  const told = [...groups.values()].map((spans) => {
    const [{ node, epoch, record }] = spans as [LostSpan];
    const lost = spans.reduce((sum, { missing }) => sum + BigInt(missing), 0n);
    const runs = spans.slice(0, RUNS_TOLD).map(({ first, last, missing }) => {
      const all = BigInt(missing) === last - first + 1n;
      return all ? `${first}-${last}` : `${missing} of ${first}-${last}`;
    });
    const more = spans.length > runs.length ? ` and ${spans.length - runs.length} more runs` : '';
    const detail = `Sink ${name} lost ${lost} ${record} events that it had (epoch ${epoch}, sequences ${runs.join(', ')}${more}): ${why}; the spool has them no more.`;
    return { loss: { where: 'sink', lost, detail, id: `${name}-${id}-${node}-${epoch}-${record}` } as const, node };
  });
  if (!unknown) return told;
  const detail = `Sink ${name} may have lost more events that it had: ${why}, and with them what it knew of them; which they were, nobody knows. What the spool still has was delivered again.`;
  return [...told, { loss: { where: 'sink', lost: 0n, detail, id: `${name}-${id}-unknown`, unknown: true } as const, node: undefined }];
}
