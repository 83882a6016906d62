import type { LogPosition } from '../../../src/spool/index-file.js';
import type { Loss } from '../../../src/spool/loss.js';
import { missingOf } from '../../../src/spool/run.js';
import type { SequenceRange } from '../../../src/spool/segment.js';
import { Spool } from '../../../src/spool/spool.js';
import { lossesOf } from '../../../src/spool/told.js';

/** What becomes of a log in a spool. */
export interface Account {
  /** The capture goes on behind it. */
  readonly position: LogPosition | undefined;
  readonly held: readonly SequenceRange[];
  /** Of 1 up to the position. */
  readonly missing: readonly SequenceRange[];
  /** Held and asked for again. */
  readonly beyond: readonly SequenceRange[];
  readonly losses: readonly Loss[];
}

/** Starts on a spool as a collector does, reads everything, and ends. */
export async function accountOf(dir: string, epoch: string): Promise<Account> {
  const spool = await Spool.open(dir, { fsync: 'never', segmentAgeMs: 3_600_000 });
  // Bodies are checked when a sink asks for them.
  for (let segment = await spool.next(0); segment !== undefined; segment = await spool.next(segment.id));
  await spool.seal();
  const segments = spool.sealed();
  const held = segments.filter((segment) => segment.epoch === epoch).flatMap(({ ranges }) => ranges);
  const losses = await lossesOf(segments);
  const position = spool.lastDurable();
  await spool.close();
  const upTo = position?.epoch === epoch ? position.sequence : 0n;
  return { position, held, missing: missingOf(1n, upTo, held), beyond: held.filter(({ last }) => last > upTo), losses };
}
