import { type Verification, verifyAll } from '../../src/api/verification.js';
import type { Loss } from '../../src/spool/loss.js';
import { LOCAL_EPOCH } from '../../src/spool/loss.js';
import { countedOnce } from '../../src/spool/loss-ledger.js';
import type { SinkMemory } from './sinks.js';
import type { World } from './world.js';

/** What a sink came to. */
export interface SinkAccount {
  readonly sink: string;
  readonly doubled: number;
  /** Events of captures that it has not. */
  readonly missing: bigint;
  /** Events that nobody made. */
  readonly phantoms: number;
  /** As its own log says, for it. */
  readonly told: bigint;
  readonly toldUnknown: boolean;
}

export interface Account {
  readonly sinks: readonly SinkAccount[];
  /** Events of captures that some sink has not. */
  readonly missing: bigint;
  /** The most that a log tells of them, but for what it tells of one sink alone. */
  readonly told: bigint;
  /** Events that a sink has and the collector may not know of, at most: it died before it could note that. */
  readonly unsure: bigint;
  readonly verification: Verification;
}

export async function accountOf(world: World): Promise<Account> {
  const { running } = world;
  if (running === undefined) throw new Error('No collector runs.');
  let verification: Verification | undefined;
  let failure: unknown;
  verifyAll({
    spoolDirectory: world.spoolDirectory,
    store: undefined,
    sinks: async () => running.comparable(),
    mark: () => running.mark(),
  }).then(
    (done) => {
      verification = done;
    },
    (error: unknown) => {
      failure = error;
    },
  );
  // It looks again after a moment at what it misses.
  await world.until(() => verification !== undefined || failure !== undefined, 'what verify says');
  if (verification === undefined) throw failure;
  const memories = [...world.sinks.values()];
  const told = memories.map(({ losses }) => totalOf(countedOnce(losses).filter(({ where }) => where !== 'sink')));
  return {
    sinks: memories.map((memory) => sinkAccount(world, memory)),
    missing: missingOf(world, true, (epoch, sequence) => memories.every((memory) => memory.has(epoch, sequence))),
    told: told.sort((a, b) => (a < b ? 1 : -1))[0] ?? 0n,
    unsure: memories.reduce((sum, { unsure }) => sum + BigInt(unsure), 0n),
    verification,
  };
}

function totalOf(losses: readonly Loss[]): bigint {
  return losses.reduce((sum, { lost }) => sum + lost, 0n);
}

/** How many events of captures are not there. `unheard`: also of those that nobody can know of. */
function missingOf(world: World, unheard: boolean, isThere: (epoch: string, sequence: bigint) => boolean): bigint {
  let missing = 0n;
  for (const { name, last, isUnheard } of world.capture.epochs) {
    if (isUnheard === true && !unheard) continue;
    for (let sequence = 1n; sequence <= last; sequence++) if (!isThere(name, sequence)) missing++;
  }
  return missing;
}

function sinkAccount(world: World, memory: SinkMemory): SinkAccount {
  let phantoms = 0;
  for (const [epoch, copies] of memory.epochs) {
    if (epoch.startsWith(LOCAL_EPOCH)) continue;
    const last = world.capture.epochs.find(({ name }) => name === epoch)?.last ?? 0n;
    for (const sequence of copies.keys()) if (sequence > last) phantoms++;
  }
  const own: Loss[] = countedOnce(memory.losses).filter(
    ({ where, detail }) => where !== 'sink' || detail.startsWith(`Sink ${memory.name} `),
  );
  return {
    sink: memory.name,
    doubled: memory.doubled.length,
    missing: missingOf(world, false, (epoch, sequence) => memory.has(epoch, sequence)),
    phantoms,
    told: totalOf(own),
    // A loss record that was lost may have told of events.
    toldUnknown: own.some(({ unknown, detail }) => unknown === true || /records of the collector's own/.test(detail)),
  };
}

/** What happened in a history, as far as it decides what may come of it. */
export interface Past {
  /** Somebody laid hands on the disk, which verify may tell of although nothing is missing. */
  readonly isTouched: boolean;
  /** Nothing may be told as lost that is not. */
  readonly isExact: boolean;
  /** Something took events for good: else nothing may be missing, told or not. */
  readonly mayLose: boolean;
  /** Sinks that somebody let go of: what they had not got then is told as theirs, and is no loss. */
  readonly forgotten: ReadonlySet<string>;
}

/** What is wrong, a sentence each. */
export function faultsOf(
  { sinks, missing: anywhere, told: inAll, unsure, verification }: Account,
  { isTouched, isExact, mayLose, forgotten }: Past,
): string[] {
  const found: string[] = [];
  for (const { sink, doubled, missing, phantoms, told, toldUnknown } of sinks) {
    if (doubled > 0) found.push(`${sink}: ${doubled} events are there twice.`);
    if (phantoms > 0) found.push(`${sink}: ${phantoms} events are there that nobody made.`);
    if (missing > told && !toldUnknown && !forgotten.has(sink))
      found.push(`${sink}: ${missing} events are missing, and ${told} are told as lost.`);
    if ((missing > 0n || doubled > 0) && verification.complete)
      found.push(`${sink}: ${missing} events are missing and ${doubled} there twice, and verify says complete.`);
  }
  if (!mayLose && forgotten.size === 0 && anywhere > 0n)
    found.push(`${anywhere} events are missing, and nothing happened that may take any.`);
  if (isExact && inAll > anywhere + unsure) found.push(`${inAll} events are told as lost, and ${anywhere} are missing anywhere.`);
  const isWhole = sinks.every(({ missing, doubled, told, toldUnknown }) => missing === 0n && doubled === 0 && told === 0n && !toldUnknown);
  // A segment that cannot be read is told of, whoever has it.
  const isAside = verification.spool.quarantined.length > 0;
  if (isWhole && !isTouched && !isAside && forgotten.size === 0 && !verification.complete)
    found.push(
      `Nothing is missing, and verify says ${verification.verdict}: ${JSON.stringify(verification, (_key, value) => (typeof value === 'bigint' ? Number(value) : value))}`,
    );
  return found;
}
