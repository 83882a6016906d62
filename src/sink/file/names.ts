import type { RecordName } from '../../spool/segment.js';

export type FileFormat = 'jsonl' | 'protobuf';
export type FileCompression = 'none' | 'gzip' | 'zstd';

/** How files are written. */
export interface FileStyle {
  readonly format: FileFormat;
  readonly compression: FileCompression;
}

/** What a file's name tells. */
export interface FileName extends FileStyle {
  readonly record: RecordName;
  /** When it was begun, ms since 1970. */
  readonly begunMs: number;
  /** First segment that went into it. */
  readonly segment: number;
  /** Whose events they are, where the format cannot say it. */
  readonly node: string | undefined;
  readonly epoch: string | undefined;
}

/** Ends the name of a file that is still being written. */
export const PART = '.part';
/** Longest name that a file may have, in bytes. */
export const NAME_MAX = 255 - PART.length;

const FORMATS = { jsonl: 'jsonl', protobuf: 'pb' } as const;
const COMPRESSIONS = { none: '', gzip: '.gz', zstd: '.zst' } as const;
const PATTERN =
  /^(conn|control)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z-(\d{12})(?:@([^@/]*)@([^@/]+))?\.(jsonl|pb)(\.gz|\.zst)?$/;

/** `conn-20260101T000000.000Z-000000000042.jsonl.gz`; of protobuf `...-000000000042@NODE@EPOCH.pb.gz`, percent-encoded. Names of a record type sort by time. */
export function formatFileName(name: FileName): string {
  const time = new Date(name.begunMs).toISOString().replace(/[-:]/g, '');
  const whose = name.format === 'protobuf' ? `@${encodeURIComponent(name.node ?? '')}@${encodeURIComponent(name.epoch ?? '')}` : '';
  return `${name.record}-${time}-${String(name.segment).padStart(12, '0')}${whose}.${FORMATS[name.format]}${COMPRESSIONS[name.compression]}`;
}

/** Reads a name as formatFileName() made it; undefined when it is none. */
export function parseFileName(text: string): FileName | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, record, year, month, day, hour, minute, second, ms, segment, node, epoch, format, compression] = match;
  if ((format === 'pb') !== (epoch !== undefined)) return undefined;
  try {
    const name: FileName = {
      record: record as RecordName,
      begunMs: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`),
      segment: Number(segment),
      node: node === undefined ? undefined : decodeURIComponent(node),
      epoch: epoch === undefined ? undefined : decodeURIComponent(epoch),
      format: format === 'pb' ? 'protobuf' : 'jsonl',
      compression: compression === '.gz' ? 'gzip' : compression === '.zst' ? 'zstd' : 'none',
    };
    return Number.isNaN(name.begunMs) ? undefined : name;
  } catch {
    return undefined; // a percent sign that encodes nothing: not ours
  }
}
