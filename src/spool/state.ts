import { join } from 'node:path';
import { CHAIN_START, type LogPosition } from './index-file.js';
import type { Segment, SequenceRange } from './segment.js';
import { readSlots, type SlotsReading, TwoSlots } from './two-slots.js';

/** The file inside the spool that says what the spool was, so that a start, and `vslog verify`, see what is gone. */
export const STATE_FILE = 'state';
/** Most that it may say, bytes. */
const STATE_BYTES = 32_000;
/** So many of the newest segments are known one by one. */
const RECENT = 128;
/** So many spans stay when there is not room for all. */
const FEW_SPANS = 32;
/** Places of sinks that are kept: more than anybody has sinks. */
const SINKS = 64;

/** Sequences of one epoch that were sealed, both ends included. In between may be what was recorded as lost. */
export interface SealedSpan {
  readonly node: string;
  readonly epoch: string;
  readonly first: bigint;
  readonly last: bigint;
  /** Ids of the first and the last segment that held some of them. */
  readonly firstId: number;
  readonly lastId: number;
}

/** One sealed segment that is to be in the spool. */
export interface SealedPart {
  readonly id: number;
  readonly node: string;
  readonly epoch: string;
  /** From its first to its last sequence; those of the other record type may lie in between. */
  readonly first: bigint;
  readonly last: bigint;
  /** Events in it. */
  readonly count: number;
}

/**
 * What the spool remembers beyond its segments. It is written after each seal and each move of a cursor, durably, and behind what it speaks of: so it may say less than there
 * is, and more only where segments are not made durable themselves (`spool.fsync = "never"`) and power went. What it says and is not there was removed or lost, or the spool is
 * an older copy.
 */
export interface SpoolState {
  /** From 1. A start that finds the spool older than this file or a cursor adds one. Cursors carry it. */
  readonly generation: number;
  /** Highest id of a segment that was ever sealed; 0: none. Ids never go back. */
  readonly newest: number;
  /** Chain value of that segment. */
  readonly chain: string;
  /** Everything that was ever sealed, by node and epoch (also the collector's own epochs), the one that was begun first first. */
  readonly spans: readonly SealedSpan[];
  /** So many spans there was no room for: the oldest. */
  readonly forgotten: number;
  /** The newest segments that are to be here, ascending by id: those that were removed, dropped or quarantined are taken out. At most 128. */
  readonly recent: readonly SealedPart[];
  /** Segments with an id up to here that some sink lacks stand in the log as lost. */
  readonly toldTo: number;
  /** Ids of the first and the last segment that went without a loss record, since every sink of then had them: a sink that comes later lacks them. */
  readonly passed: { readonly first: number; readonly last: number } | undefined;
  /** Up to here nothing of the capture's log is missing that is not told, or that some sink lacks: set where somebody had removed segments. */
  readonly accounted: LogPosition | undefined;
  /** The segment up to which each sink had everything, by its name. */
  readonly cursors: Readonly<Record<string, number>>;
}

export const NO_STATE: SpoolState = {
  generation: 1,
  newest: 0,
  chain: CHAIN_START,
  spans: [],
  forgotten: 0,
  recent: [],
  toldTo: 0,
  passed: undefined,
  accounted: undefined,
  cursors: {},
};

/** What is in a state's file. `absent`: the spool is new, or of a version that kept none. */
export type StateReading = { readonly state: 'absent' | 'damaged' } | { readonly state: 'whole'; readonly content: SpoolState };

/** Reads the state of a spool and changes nothing. Rejects with the system's error when it is there and cannot be read. */
export async function readState(directory: string): Promise<StateReading> {
  return readingOf(await readSlots(join(directory, STATE_FILE), STATE_BYTES));
}

function readingOf(read: SlotsReading): StateReading {
  if (read.state !== 'whole') return read;
  const content = decode(read.content);
  return content === undefined ? { state: 'damaged' } : { state: 'whole', content };
}

/** The state once a segment is sealed. One that it knows already changes nothing. */
export function withSealed(state: SpoolState, segment: Pick<Segment, 'id' | 'node' | 'epoch' | 'ranges' | 'count' | 'chain'>): SpoolState {
  const { id, node, epoch, ranges, count, chain } = segment;
  const first = ranges[0]?.first;
  const last = ranges.at(-1)?.last;
  if (id <= state.newest || first === undefined || last === undefined) return state;
  const at = state.spans.findIndex((span) => span.node === node && span.epoch === epoch);
  const had = state.spans[at];
  const span: SealedSpan =
    had === undefined ? { node, epoch, first, last, firstId: id, lastId: id } : { ...had, ...hull(had, { first, last }), lastId: id };
  const spans = had === undefined ? [...state.spans, span] : state.spans.with(at, span);
  const recent = [...state.recent, { id, node, epoch, first, last, count }].slice(-RECENT);
  return { ...state, newest: id, chain, spans, recent };
}

/** From the first to the last sequence of both. */
export function hull(one: SequenceRange, other: SequenceRange): SequenceRange {
  // Math.min takes no bigint.
  const [first] = [one.first, other.first].sort(ascending);
  const [, last] = [one.last, other.last].sort(ascending);
  return { first: first ?? one.first, last: last ?? one.last };
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The state once segments went without a loss record. */
export function withPassed(state: SpoolState, first: number, last: number): SpoolState {
  const { passed } = state;
  return { ...state, passed: { first: Math.min(first, passed?.first ?? first), last: Math.max(last, passed?.last ?? last) } };
}

/** The state once a segment is not to be here any more. */
export function withoutSegment(state: SpoolState, id: number): SpoolState {
  return state.recent.some((part) => part.id === id) ? { ...state, recent: state.recent.filter((part) => part.id !== id) } : state;
}

/** The state of a spool on disk, written again whenever it changes. */
export class StateFile {
  private readonly directory: string;
  private current: SpoolState;
  private slots: TwoSlots | undefined;
  private changed = false;
  private writing: Promise<void> | undefined;
  private trouble: unknown;

  private constructor(directory: string, slots: TwoSlots | undefined, current: SpoolState) {
    this.directory = directory;
    this.slots = slots;
    this.current = current;
  }

  /** Takes the file of a spool, and tells what it said. It is made at the first change. Rejects with the system's error when it cannot be read. */
  static async open(directory: string): Promise<{ readonly file: StateFile; readonly reading: StateReading }> {
    const reading = await readState(directory);
    const opened = reading.state === 'whole' ? await TwoSlots.open(join(directory, STATE_FILE), STATE_BYTES) : undefined;
    return { file: new StateFile(directory, opened?.slots, reading.state === 'whole' ? reading.content : NO_STATE), reading };
  }

  get value(): SpoolState {
    return this.current;
  }

  /** Why the last write failed; undefined: it did not. */
  get failure(): unknown {
    return this.trouble;
  }

  /** Takes a change, which is written soon: changes that come meanwhile are one write. */
  change(change: (state: SpoolState) => SpoolState): void {
    const next = change(this.current);
    if (next === this.current) return;
    this.current = next;
    this.changed = true;
    void this.write();
  }

  /** Has it written although nothing changed: so it has its room. */
  touch(): void {
    this.changed = true;
    void this.write();
  }

  /** Resolves when all changes are durable, or could not be written: see failure. */
  async flush(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
    if (this.changed) await this.write();
  }

  async close(): Promise<void> {
    await this.flush();
    await this.slots?.close();
    this.slots = undefined;
  }

  private write(): Promise<void> {
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    while (this.changed) {
      this.changed = false;
      this.current = bounded(this.current);
      const content = encode(this.current);
      try {
        if (this.slots === undefined) this.slots = await TwoSlots.create(this.directory, STATE_FILE, STATE_BYTES, content);
        else await this.slots.write(content);
        this.trouble = undefined;
      } catch (error) {
        // Tried again with the next change: until then the file says less than there is.
        this.trouble = error;
        this.changed = true;
        return;
      }
    }
  }
}

/** What fits. Old spans go first: `verify` has them from sinks, too. The newest segments are what nobody else knows. */
function bounded(state: SpoolState): SpoolState {
  const names = Object.entries(state.cursors);
  let next = names.length > SINKS ? { ...state, cursors: Object.fromEntries(names.slice(-SINKS)) } : state;
  while (encode(next).length > STATE_BYTES) {
    const { spans, recent } = next;
    const gone = spans.length > FEW_SPANS ? Math.ceil(spans.length / 16) : recent.length > 0 ? 0 : 1;
    if (gone === 0) next = { ...next, recent: recent.slice(Math.ceil(recent.length / 2)) };
    else if (spans.length > gone) next = { ...next, spans: spans.slice(gone), forgotten: next.forgotten + gone };
    else return next;
  }
  return next;
}

type SpanJson = [node: string, epoch: string, first: string, last: string, firstId: number, lastId: number];
/** `of`: which span's node and epoch. */
type PartJson = [id: number, of: number, first: string, last: string, count: number];

interface StateJson extends Pick<SpoolState, 'generation' | 'newest' | 'chain' | 'forgotten' | 'toldTo' | 'passed' | 'cursors'> {
  readonly version: 1;
  readonly spans: readonly SpanJson[];
  readonly recent: readonly PartJson[];
  /** Versions before had none. */
  readonly accounted?: readonly [epoch: string, sequence: string];
}

function encode({ spans, recent, accounted, ...rest }: SpoolState): Buffer {
  const places = new Map(spans.map(({ node, epoch }, i) => [`${node}\n${epoch}`, i]));
  const json: StateJson = {
    version: 1,
    ...rest,
    spans: spans.map(({ node, epoch, first, last, firstId, lastId }) => [node, epoch, String(first), String(last), firstId, lastId]),
    recent: recent.flatMap(({ id, node, epoch, first, last, count }): PartJson[] => {
      const of = places.get(`${node}\n${epoch}`);
      return of === undefined ? [] : [[id, of, String(first), String(last), count]];
    }),
    ...(accounted === undefined ? {} : { accounted: [accounted.epoch, String(accounted.sequence)] }),
  };
  return Buffer.from(JSON.stringify(json));
}

/** The checksum has been checked: what is read here is what we, or a later version, wrote. */
function decode(content: Buffer): SpoolState | undefined {
  try {
    const { version, spans, recent, accounted, ...rest } = JSON.parse(content.toString('utf8')) as StateJson;
    if (version !== 1) return undefined;
    const told = spans.map(([node, epoch, first, last, firstId, lastId]) => ({
      ...{ node, epoch, first: BigInt(first), last: BigInt(last), firstId, lastId },
    }));
    return {
      ...rest,
      accounted: accounted === undefined ? undefined : { epoch: accounted[0], sequence: BigInt(accounted[1]) },
      spans: told,
      recent: recent.flatMap(([id, of, first, last, count]) => {
        const span = told[of];
        return span === undefined ? [] : [{ id, node: span.node, epoch: span.epoch, first: BigInt(first), last: BigInt(last), count }];
      }),
    };
  } catch {
    return undefined;
  }
}
