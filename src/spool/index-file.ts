import { createHash } from 'node:crypto';
import { crc32c } from '../wire/crc32c.js';
import type { RecordName, SequenceRange } from './segment.js';

/*
 * An index file:
 *
 *   header  u32 "VSIX"  u32 size of the whole header  JSON  u32 crc32c of what precedes it in the header
 *   entry   u32 "BAT1"  u32 count  u64 first sequence  u64 offset in the body  u32 length  u32 crc32c of the batch  u32 0  u32 crc32c of the 36 bytes before
 *   footer  u32 "FOOT"  u32 size of the whole footer  JSON  u32 crc32c of what precedes it in the footer
 *
 * All numbers are little-endian. Entries are written after their body; the footer seals the segment.
 */
const HEADER_MAGIC = 0x58495356;
const ENTRY_MAGIC = 0x31544142;
const FOOTER_MAGIC = 0x544f4f46;
export const ENTRY_SIZE = 40;
/** The chain value before the first segment. */
export const CHAIN_START = '0'.repeat(64);

/** A place in a capture's log. */
export interface LogPosition {
  readonly epoch: string;
  readonly sequence: bigint;
}

/** Written when a segment is begun. */
export interface IndexHeader {
  readonly id: number;
  readonly record: RecordName;
  readonly node: string;
  readonly epoch: string;
  /** First sequence of the run that this segment, together with the one of the other record type beside it, holds without gaps. */
  readonly start: bigint;
  /** Records of the collector's own (losses), not from a capture. */
  readonly local: boolean;
  /** Where the capture's log stands once a local segment counts: a recorded loss moves it. */
  readonly position: LogPosition | undefined;
}

export interface IndexEntry {
  readonly first: bigint;
  readonly count: number;
  readonly offset: number;
  readonly length: number;
  readonly crc32c: number;
}

/** Written when a segment is sealed. */
export interface IndexFooter {
  /** The header once more, so that one damaged byte leaves one of the two; undefined in the footers of older versions. */
  readonly of?: IndexHeader | undefined;
  readonly count: number;
  readonly bytes: number;
  readonly ranges: readonly SequenceRange[];
  readonly sha256: string;
  /** Chain value of the segment before. */
  readonly previous: string;
  readonly chain: string;
  /** The last sequence of a capture's log up to which all is in this segment and in those sealed before it. Of a run's two segments the one that is sealed first says nothing of the other. */
  readonly position: LogPosition | undefined;
  /** Events were erased since it was sealed; undefined: none. */
  readonly erased?: ErasedPart | undefined;
}

/** What `vslog erase` did to a sealed segment. */
export interface ErasedPart {
  /** Events of which only the place is left. */
  readonly events: number;
  /** SHA-256 of the body as it was sealed, over which the chain goes: it holds whatever was erased. Hex. */
  readonly sha256: string;
}

export interface ParsedIndex {
  readonly header: IndexHeader | undefined;
  readonly entries: IndexEntry[];
  readonly footer: IndexFooter | undefined;
  /** Bytes up to the first that are not a whole, correct item. */
  readonly valid: number;
  /** Bytes of the file that follow a footer or that cannot be read. */
  readonly excess: number;
  /** Whose index it is, also when the header cannot be read and the footer says it. */
  readonly identity: IndexHeader | undefined;
  /** A whole footer, also behind what cannot be read. */
  readonly ending: IndexFooter | undefined;
  /** Whole entries behind what cannot be read. */
  readonly beyond: readonly IndexEntry[];
  /** Something of a footer is there: the segment was sealed once. */
  readonly wasSealed: boolean;
}

export function encodeHeader(header: IndexHeader): Buffer {
  return framed(HEADER_MAGIC, headerToJson(header));
}

function headerToJson(header: IndexHeader): Record<string, unknown> {
  return {
    version: 1,
    id: header.id,
    record: header.record,
    node: header.node,
    epoch: header.epoch,
    start: String(header.start),
    local: header.local,
    position: positionToJson(header.position),
  };
}

/** Writes an entry at `at` of `into`. */
export function encodeEntry(entry: IndexEntry, into: Buffer, at: number): void {
  into.writeUInt32LE(ENTRY_MAGIC, at);
  into.writeUInt32LE(entry.count, at + 4);
  into.writeBigUInt64LE(entry.first, at + 8);
  into.writeBigUInt64LE(BigInt(entry.offset), at + 16);
  into.writeUInt32LE(entry.length, at + 24);
  into.writeUInt32LE(entry.crc32c, at + 28);
  into.writeUInt32LE(0, at + 32);
  into.writeUInt32LE(crc32c(into.subarray(at, at + 36)), at + 36);
}

export function encodeFooter(footer: IndexFooter): Buffer {
  return framed(FOOTER_MAGIC, {
    count: footer.count,
    bytes: footer.bytes,
    ranges: footer.ranges.map((range) => [String(range.first), String(range.last)]),
    sha256: footer.sha256,
    previous: footer.previous,
    chain: footer.chain,
    position: positionToJson(footer.position),
    erased: footer.erased,
    of: footer.of === undefined ? undefined : headerToJson(footer.of),
  });
}

/** Reads as much as is whole and correct, and looks for more behind what is not. Never throws. */
export function parseIndex(file: Buffer): ParsedIndex {
  const entries: IndexEntry[] = [];
  const head = unframed(file, 0, HEADER_MAGIC);
  const header = head === undefined ? undefined : readHeader(head.json);
  if (head === undefined || header === undefined)
    return { header: undefined, entries, footer: undefined, valid: 0, excess: file.length, ...behind(file, 0, undefined) };
  let at = head.end;
  for (let entry = entryAt(file, at); entry !== undefined; entry = entryAt(file, at)) {
    entries.push(entry);
    at += ENTRY_SIZE;
  }
  const foot = unframed(file, at, FOOTER_MAGIC);
  const footer = foot === undefined ? undefined : readFooter(foot.json);
  if (foot === undefined || footer === undefined)
    return { header, entries, footer: undefined, valid: at, excess: file.length - at, ...behind(file, at, header) };
  const rest = { identity: header, ending: footer, beyond: [], wasSealed: true };
  return { header, entries, footer, valid: foot.end, excess: file.length - foot.end, ...rest };
}

/** A whole entry at this place; undefined: there is none. */
function entryAt(file: Buffer, at: number): IndexEntry | undefined {
  if (at + ENTRY_SIZE > file.length || file.readUInt32LE(at) !== ENTRY_MAGIC) return undefined;
  if (crc32c(file.subarray(at, at + 36)) !== file.readUInt32LE(at + 36)) return undefined;
  return {
    count: file.readUInt32LE(at + 4),
    first: file.readBigUInt64LE(at + 8),
    offset: Number(file.readBigUInt64LE(at + 16)),
    length: file.readUInt32LE(at + 24),
    crc32c: file.readUInt32LE(at + 28),
  };
}

/** What is left behind damage at `from`. */
function behind(
  file: Buffer,
  from: number,
  header: IndexHeader | undefined,
): Pick<ParsedIndex, 'identity' | 'ending' | 'beyond' | 'wasSealed'> {
  const beyond: IndexEntry[] = [];
  for (let at = file.indexOf('BAT1', from); at >= 0; at = file.indexOf('BAT1', at + 1)) {
    const entry = entryAt(file, at);
    if (entry !== undefined) beyond.push(entry);
  }
  let ending: IndexFooter | undefined;
  for (let at = file.indexOf('FOOT', from); at >= 0 && ending === undefined; at = file.indexOf('FOOT', at + 1)) {
    const foot = unframed(file, at, FOOTER_MAGIC);
    if (foot !== undefined) ending = readFooter(foot.json);
  }
  // One damaged byte leaves one of these words.
  const wasSealed = file.includes('FOOT', from) || file.includes('"sha256"', from);
  return { identity: header ?? ending?.of, ending, beyond, wasSealed };
}

/** Runs of sequences without gaps, from entries in ascending order. */
export function rangesOf(entries: readonly IndexEntry[]): SequenceRange[] {
  const ranges: { first: bigint; last: bigint }[] = [];
  for (const entry of entries) {
    const last = entry.first + BigInt(entry.count) - 1n;
    const current = ranges.at(-1);
    if (current !== undefined && current.last + 1n === entry.first) current.last = last;
    else ranges.push({ first: entry.first, last });
  }
  return ranges;
}

/** SHA-256 over the previous chain value and a segment's identity and body hash, as it was sealed. Hex. */
export function chainValue(
  previous: string,
  header: IndexHeader,
  footer: Pick<IndexFooter, 'count' | 'bytes' | 'ranges' | 'sha256' | 'erased'>,
): string {
  const ranges = footer.ranges.map((range) => `${range.first}-${range.last}`).join(',');
  const identity = [header.id, header.record, header.node, header.epoch, ranges, footer.count, footer.bytes];
  return createHash('sha256')
    .update([previous, ...identity, footer.erased?.sha256 ?? footer.sha256].join('\n'))
    .digest('hex');
}

function framed(magic: number, content: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(content));
  const buffer = Buffer.allocUnsafe(12 + json.length);
  buffer.writeUInt32LE(magic, 0);
  buffer.writeUInt32LE(buffer.length, 4);
  json.copy(buffer, 8);
  buffer.writeUInt32LE(crc32c(buffer.subarray(0, buffer.length - 4)), buffer.length - 4);
  return buffer;
}

function unframed(file: Buffer, at: number, magic: number): { json: Record<string, unknown>; end: number } | undefined {
  if (at + 12 > file.length || file.readUInt32LE(at) !== magic) return undefined;
  const end = at + file.readUInt32LE(at + 4);
  if (end < at + 12 || end > file.length) return undefined;
  if (crc32c(file.subarray(at, end - 4)) !== file.readUInt32LE(end - 4)) return undefined;
  try {
    const json: unknown = JSON.parse(file.toString('utf8', at + 8, end - 4));
    return typeof json === 'object' && json !== null ? { json: json as Record<string, unknown>, end } : undefined;
  } catch {
    return undefined;
  }
}

// The checksum has been checked: what is read here is what we wrote.
function readHeader(json: Record<string, unknown>): IndexHeader | undefined {
  if (json.version !== 1) return undefined;
  return {
    id: Number(json.id),
    record: json.record === 'control' ? 'control' : 'conn',
    node: String(json.node),
    epoch: String(json.epoch),
    start: BigInt(String(json.start)),
    local: json.local === true,
    position: positionFromJson(json.position),
  };
}

function readFooter(json: Record<string, unknown>): IndexFooter | undefined {
  const ranges = json.ranges;
  if (!Array.isArray(ranges)) return undefined;
  return {
    count: Number(json.count),
    bytes: Number(json.bytes),
    ranges: (ranges as [string, string][]).map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) })),
    sha256: String(json.sha256),
    previous: String(json.previous),
    chain: String(json.chain),
    position: positionFromJson(json.position),
    erased: erasedFromJson(json.erased),
    of: typeof json.of === 'object' && json.of !== null ? readHeader(json.of as Record<string, unknown>) : undefined,
  };
}

function erasedFromJson(json: unknown): ErasedPart | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { events, sha256 } = json as Partial<ErasedPart>;
  return { events: Number(events), sha256: String(sha256) };
}

function positionToJson(position: LogPosition | undefined): [string, string] | undefined {
  return position === undefined ? undefined : [position.epoch, String(position.sequence)];
}

function positionFromJson(json: unknown): LogPosition | undefined {
  if (!Array.isArray(json)) return undefined;
  return { epoch: String(json[0]), sequence: BigInt(String(json[1])) };
}
