import { join } from 'node:path';
import fc from 'fast-check';
import type { Past } from './account.js';
import type { Dice, Inode } from './disk.js';
import { World, type WorldOptions } from './world.js';

/** Something that happens to the machine, or that somebody does. */
export type Step =
  | { readonly do: 'events'; readonly count: number; readonly control: boolean }
  | { readonly do: 'pass'; readonly ms: number }
  /** The collector dies at that operation on its disk from now on; with a seed the power is cut. */
  | { readonly do: 'die'; readonly in: number; readonly cut: number | undefined }
  | { readonly do: 'start' | 'stop' | 'copy' | 'restore' }
  | { readonly do: 'away' | 'back' | 'off' | 'on' | 'forget'; readonly sink: number }
  | { readonly do: 'answer'; readonly sink: number; readonly in: number }
  /** The disk has room for so many bytes more; undefined: for all. */
  | { readonly do: 'room'; readonly bytes: number | undefined }
  /** An operation on the disk fails, or a sync. */
  | { readonly do: 'eio' | 'unsynced'; readonly in: number }
  | { readonly do: 'clock'; readonly ms: number }
  | { readonly do: 'capture'; readonly stops: boolean; readonly journal: boolean }
  | { readonly do: 'damage'; readonly file: number; readonly at: number }
  | { readonly do: 'remove'; readonly newest: number };

export interface History {
  readonly options: WorldOptions;
  readonly steps: readonly Step[];
}

const SINKS = [
  { name: 'store', isTopic: false },
  { name: 'topic', isTopic: true },
] as const;
const HOUR_MS = 3_600_000;

const sink = fc.nat(SINKS.length - 1);
const seed = fc.nat(0xffff);

const anyStep = (kinds: readonly Step['do'][]): fc.Arbitrary<Step> => {
  const all: Record<string, fc.WeightedArbitrary<Step>> = {
    events: {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('events' as const), count: fc.integer({ min: 1, max: 12 }), control: fc.boolean() }),
    },
    pass: { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 30, 200, 3000) }) },
    die: { weight: 4, arbitrary: fc.record({ do: fc.constant('die' as const), in: fc.nat(60), cut: fc.option(seed, { nil: undefined }) }) },
    start: { weight: 4, arbitrary: fc.constant({ do: 'start' } as const) },
    stop: { weight: 2, arbitrary: fc.constant({ do: 'stop' } as const) },
    copy: { weight: 1, arbitrary: fc.constant({ do: 'copy' } as const) },
    restore: { weight: 1, arbitrary: fc.constant({ do: 'restore' } as const) },
    away: { weight: 2, arbitrary: fc.record({ do: fc.constant('away' as const), sink }) },
    back: { weight: 2, arbitrary: fc.record({ do: fc.constant('back' as const), sink }) },
    off: { weight: 1, arbitrary: fc.record({ do: fc.constant('off' as const), sink }) },
    on: { weight: 1, arbitrary: fc.record({ do: fc.constant('on' as const), sink }) },
    forget: { weight: 2, arbitrary: fc.record({ do: fc.constant('forget' as const), sink }) },
    answer: { weight: 1, arbitrary: fc.record({ do: fc.constant('answer' as const), sink, in: fc.nat(3) }) },
    room: { weight: 2, arbitrary: fc.record({ do: fc.constant('room' as const), bytes: fc.option(fc.nat(20_000), { nil: undefined }) }) },
    unsynced: { weight: 1, arbitrary: fc.record({ do: fc.constant('unsynced' as const), in: fc.nat(6) }) },
    eio: { weight: 1, arbitrary: fc.record({ do: fc.constant('eio' as const), in: fc.nat(40) }) },
    clock: {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('clock' as const), ms: fc.constantFrom(-HOUR_MS, HOUR_MS, -1000, 400 * 24 * HOUR_MS) }),
    },
    capture: { weight: 2, arbitrary: fc.record({ do: fc.constant('capture' as const), stops: fc.boolean(), journal: fc.boolean() }) },
    damage: { weight: 1, arbitrary: fc.record({ do: fc.constant('damage' as const), file: fc.nat(30), at: fc.nat(2000) }) },
    remove: { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), newest: fc.integer({ min: 1, max: 3 }) }) },
  };
  return fc.oneof(...kinds.flatMap((kind) => all[kind] ?? []));
};

/** Histories of these kinds of steps. */
export function anyHistory(kinds: readonly Step['do'][], most = 14): fc.Arbitrary<History> {
  return fc.record({
    options: fc.record({
      spool: fc.record({
        fsync: fc.constantFrom('always' as const, 'interval:30' as const),
        segmentEvents: fc.integer({ min: 2, max: 20 }),
        segmentAgeMs: fc.constantFrom(20, 400),
        maxSegments: fc.constantFrom(2, 5, 10_000),
        whenFull: fc.constantFrom('block' as const, 'drop-oldest' as const),
        backlogBytes: fc.constantFrom(0, 0, 600),
      }),
      spare: fc.constantFrom(0, 3, 10_000),
      sinks: fc.constantFrom(SINKS, SINKS, [SINKS[0]], [SINKS[1]]),
    }),
    steps: fc.array(anyStep(kinds), { minLength: 2, maxLength: most }),
  });
}

/** Numbers below n from a seed, the same ones each time. */
export function diceOf(from: number): Dice {
  let state = from;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** Plays histories in a world of their own. */
export class Player implements Past {
  readonly world: World;
  private copy: Inode | undefined;
  /** Somebody changed or removed a file behind the collector's back. */
  isTouched = false;
  /** What it tells as lost is lost: nobody damaged a segment, or put an older disk back beside a capture that has not everything any more. */
  isExact = true;
  /** Something took events for good: a capture's journal, segments, what was acknowledged since an older copy, or what gives way on a full disk. */
  mayLose: boolean;
  readonly forgotten = new Set<string>();
  private isDamaged = false;
  private readonly keepsAll: boolean;
  private readonly blocks: boolean;
  private readonly names: readonly string[];

  constructor({ options }: History) {
    this.world = new World(options);
    this.keepsAll = options.spare >= 10_000;
    this.blocks = options.spool.whenFull !== 'drop-oldest';
    this.mayLose = !this.blocks;
    this.names = options.sinks.map(({ name }) => name);
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.world.start();
    for (const step of steps) {
      await this.one(step);
      await this.world.clock.advance(1);
    }
  }

  /** Everything works again: all that is there comes to rest. */
  async heal(): Promise<void> {
    const { world } = this;
    const { faults } = world.disk;
    faults.room = Number.POSITIVE_INFINITY;
    faults.diesIn = undefined;
    faults.failsIn = undefined;
    faults.failsSyncIn = undefined;
    for (const memory of world.sinks.values()) {
      memory.away = false;
      memory.losesAnswerIn = undefined;
      world.on.add(memory.name);
    }
    await world.stop();
    world.capture.start(true);
    await world.start();
    const rests = async (): Promise<boolean> => {
      if (world.running === undefined) return true;
      const { spool, sinks } = await world.running.status();
      return (
        world.capture.isHandedOver && spool.activeEvents + spool.backlogBytes === 0 && sinks.every(({ lagSegments }) => lagSegments === 0)
      );
    };
    // What tells of a loss is written at the next turn.
    for (let turn = 0; turn < 3; turn++) {
      await world.until(rests, 'the end of deliveries');
      await world.clock.advance(1500);
    }
    await world.until(rests, 'the end of deliveries');
  }

  private async one(step: Step): Promise<void> {
    const { world } = this;
    switch (step.do) {
      case 'events':
        world.capture.make(step.count, step.control ? 'control' : 'conn');
        return;
      case 'pass':
        return world.clock.advance(step.ms);
      case 'die':
        if (world.isUp) world.killIn(step.in, step.cut === undefined ? undefined : diceOf(step.cut));
        return;
      case 'start':
        // A start may die of its disk; it says so then.
        return world.start().catch(() => world.kill());
      case 'stop':
        return world.stop().catch(() => world.kill());
      case 'copy':
        this.copy = world.disk.copy();
        return;
      case 'restore':
        if (this.copy !== undefined) {
          this.isExact &&= this.keepsAll;
          this.mayLose ||= !this.keepsAll;
          world.restore(this.copy);
        }
        return;
      case 'away':
      case 'back':
      case 'answer':
      case 'off':
      case 'on':
        return this.sink(step);
      case 'forget':
        return this.forget(step.sink);
      case 'room':
        world.disk.faults.room = step.bytes === undefined ? Number.POSITIVE_INFINITY : world.disk.taken + step.bytes;
        return;
      case 'eio':
        world.disk.faults.failsIn = step.in;
        // A segment that cannot be read at a start is set aside.
        this.mayLose = true;
        // It may be a cursor that could not be written; what it speaks of may be dropped then.
        this.isExact &&= this.blocks;
        return;
      case 'unsynced':
        world.disk.faults.failsSyncIn = step.in;
        return;
      case 'clock':
        world.clock.step(step.ms);
        return;
      case 'capture':
        if (step.stops) world.capture.stop();
        else world.capture.kill();
        this.mayLose ||= !step.journal;
        await world.clock.advance(5);
        world.capture.start(step.journal);
        return;
      case 'damage':
        return this.damage(step.file, step.at);
      case 'remove':
        return this.remove(step.newest);
    }
  }

  private sink(step: Extract<Step, { sink: number }>): void {
    const name = this.names[step.sink % this.names.length] ?? '';
    const memory = this.world.sinks.get(name);
    if (memory === undefined) return;
    if (step.do === 'away') memory.away = true;
    if (step.do === 'back') memory.away = false;
    if (step.do === 'answer') memory.losesAnswerIn = step.in;
    if (step.do === 'off' && this.world.on.size > 1) this.world.on.delete(name);
    if (step.do === 'on') this.world.on.add(name);
  }

  /** Somebody takes a sink out of the configuration and lets go of it: from then on it is a new one, that may lack what was there before. */
  private async forget(sink: number): Promise<void> {
    const { world } = this;
    this.sink({ do: 'off', sink });
    const name = this.names[sink % this.names.length] ?? '';
    if (world.on.has(name)) return;
    await this.one({ do: 'stop' });
    await this.one({ do: 'start' });
    let over = false;
    // Refused where it is not known any more; the disk may fail meanwhile.
    const done = (isForgotten: boolean): void => {
      over = true;
      if (isForgotten) this.forgotten.add(name);
    };
    const { running } = world;
    running?.changeSink(name, 'forget').then(
      () => done(true),
      (error: unknown) => done(!(error instanceof RangeError)),
    );
    await world.until(() => over || world.running !== running || running === undefined, 'a sink that is forgotten');
    if (!over && running !== undefined) this.forgotten.add(name);
  }

  /** Flips a bit of a file of the spool, while no collector runs. */
  private damage(file: number, at: number): void {
    if (this.world.isUp) return;
    const { disk } = this.world;
    const names = [...(disk.at('spool')?.entries ?? [])]
      .filter(([name, { isFolder, content }]) => !isFolder && content.length > 0 && name !== 'lock')
      .map(([name]) => name)
      .sort();
    const name = names[file % Math.max(1, names.length)];
    const inode = name === undefined ? undefined : disk.at(`spool/${name}`);
    if (inode === undefined) return;
    const content = Buffer.from(inode.content);
    this.mayLose = true;
    // What two flipped bits took may be known to none of the places that knew it.
    if (this.isDamaged) this.isExact = false;
    this.isDamaged = true;
    this.isTouched = true;
    const place = at % content.length;
    content[place] = (content[place] ?? 0) ^ 4;
    inode.content = inode.kept = content;
  }

  /** Removes the newest segments behind the collector's back, while none runs. */
  private remove(newest: number): void {
    if (this.world.isUp) return;
    const names = [...(this.world.disk.at('spool')?.entries.keys() ?? [])].filter((name) => /^\d{12}\./.test(name));
    this.isTouched = true;
    this.mayLose = true;
    const ids = [...new Set(names.map((name) => name.slice(0, 12)))].sort().slice(-newest);
    for (const name of names) if (ids.includes(name.slice(0, 12))) this.world.disk.removeBehind(join('spool', name));
  }
}
