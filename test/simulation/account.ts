import { verifyAll, type Verification } from '../../src/api/verification.js';
import { countedOnce } from '../../src/spool/loss-ledger.js';
import type { Loss } from '../../src/spool/loss.js';
import { LOCAL_EPOCH } from '../../src/spool/loss.js';
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
  readonly verification: Verification;
}

export async function accountOf(world: World): Promise<Account> {
  const { running } = world;
  if (running === undefined) throw new Error('No collector runs.');
  const verification = await verifyAll({
    spoolDirectory: world.spoolDirectory,
    store: undefined,
    sinks: async () => running.comparable(),
    mark: () => running.mark(),
  });
  return { sinks: [...world.sinks.values()].map((memory) => sinkAccount(world, memory)), verification };
}

function sinkAccount(world: World, memory: SinkMemory): SinkAccount {
  let missing = 0n;
  for (const { name, last, isUnheard } of world.capture.epochs) {
    if (isUnheard === true) continue;
    const copies = memory.epochs.get(name);
    for (let sequence = 1n; sequence <= last; sequence++) if (copies?.has(sequence) !== true) missing++;
  }
  let phantoms = 0;
  for (const [epoch, copies] of memory.epochs) {
    if (epoch.startsWith(LOCAL_EPOCH)) continue;
    const last = world.capture.epochs.find(({ name }) => name === epoch)?.last ?? 0n;
    for (const sequence of copies.keys()) if (sequence > last) phantoms++;
  }
  const own: Loss[] = countedOnce(memory.losses).filter(({ where, detail }) => where !== 'sink' || detail.startsWith(`Sink ${memory.name} `));
  return {
    sink: memory.name,
    doubled: memory.doubled.length,
    missing,
    phantoms,
    told: own.reduce((sum, { lost }) => sum + lost, 0n),
    toldUnknown: own.some(({ unknown }) => unknown === true),
  };
}

/** What is wrong, a sentence each. `isTouched`: somebody laid hands on the disk, which verify may tell of although nothing is missing. */
export function faultsOf({ sinks, verification }: Account, isTouched: boolean): string[] {
  const found: string[] = [];
  for (const { sink, doubled, missing, phantoms, told, toldUnknown } of sinks) {
    if (doubled > 0) found.push(`${sink}: ${doubled} events are there twice.`);
    if (phantoms > 0) found.push(`${sink}: ${phantoms} events are there that nobody made.`);
    if (missing > told && !toldUnknown) found.push(`${sink}: ${missing} events are missing, and ${told} are told as lost.`);
    if ((missing > 0n || doubled > 0) && verification.complete) found.push(`${sink}: ${missing} events are missing and ${doubled} there twice, and verify says complete.`);
  }
  const isWhole = sinks.every(({ missing, doubled, told, toldUnknown }) => missing === 0n && doubled === 0 && told === 0n && !toldUnknown);
  if (isWhole && !isTouched && !verification.complete) found.push(`Nothing is missing, and verify says ${verification.verdict}: ${JSON.stringify(verification, (_key, value) => (typeof value === 'bigint' ? Number(value) : value))}`);
  return found;
}
