// What of a 64-bit little-endian ELF file says how it is protected: System V ABI, chapters 4 and 5; its x86-64 and AArch64 supplements for the properties.

/** Types of segments. */
export const PT = { dynamic: 2, interp: 3, property: 0x6474_e553, stack: 0x6474_e551, relro: 0x6474_e552 } as const;
/** Flags of segments. */
export const PF = { execute: 1, write: 2 } as const;

const ET_DYN = 3;
const SHT = { note: 7, dynsym: 11 } as const;
const DT = { textrel: 22, bindNow: 24, flags: 30, flags1: 0x6fff_fffb } as const;
const DF = { textrel: 4, bindNow: 8, now1: 1 } as const;
const NT_GNU_PROPERTY_TYPE_0 = 5;
/** GNU_PROPERTY_X86_FEATURE_1_AND (bit 0: IBT, 1: SHSTK) and GNU_PROPERTY_AARCH64_FEATURE_1_AND (bit 0: BTI, 1: PAC). */
const FEATURES: readonly number[] = [0xc000_0002, 0xc000_0000];

/** By e_machine: x86-64 and AArch64. */
const MARKS: Readonly<Record<number, readonly Buffer[]>> = {
  62: [Buffer.from('f30f1efa', 'hex')],
  183: [Buffer.from('3f2303d5', 'hex'), Buffer.from('5f2403d5', 'hex')],
};

export interface Segment {
  readonly type: number;
  readonly flags: number;
  /** Where in the file its flags are. */
  readonly flagsAt: number;
  readonly offset: number;
  readonly size: number;
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

export class Elf {
  readonly segments: readonly Segment[];
  /** Names of symbols that are looked for in libraries, or offered. */
  readonly symbols: ReadonlySet<string>;
  /** ET_DYN: it runs at any address. */
  readonly isShared: boolean;
  private readonly bytes: Buffer;
  private readonly sections: readonly Section[];
  private readonly dynamic: ReadonlyMap<number, number>;

  constructor(bytes: Buffer) {
    if (bytes.readUInt32BE(0) !== 0x7f45_4c46 || bytes[4] !== 2 || bytes[5] !== 1)
      throw new Error('This is no 64-bit little-endian ELF file.');
    this.bytes = bytes;
    this.isShared = bytes.readUInt16LE(16) === ET_DYN;
    this.segments = this.table(32, 54, 56).map((at) => ({
      type: bytes.readUInt32LE(at),
      flags: bytes.readUInt32LE(at + 4),
      flagsAt: at + 4,
      offset: this.long(at + 8),
      size: this.long(at + 32),
    }));
    this.sections = this.table(40, 58, 60).map((at) => ({
      type: bytes.readUInt32LE(at + 4),
      offset: this.long(at + 24),
      size: this.long(at + 32),
      link: bytes.readUInt32LE(at + 40),
    }));
    this.dynamic = new Map(
      this.segments
        .filter(({ type }) => type === PT.dynamic)
        .flatMap(({ offset, size }) => every(offset, size, 16).map((at) => [this.long(at), this.long(at + 8)] as const)),
    );
    this.symbols = new Set(this.sections.filter(({ type }) => type === SHT.dynsym).flatMap((table) => this.namesOf(table)));
  }

  /** It names its loader: a program, no library. */
  get isProgram(): boolean {
    return this.segments.some(({ type }) => type === PT.interp);
  }

  get bindsNow(): boolean {
    return this.dynamic.has(DT.bindNow) || (this.flag(DT.flags) & DF.bindNow) !== 0 || (this.flag(DT.flags1) & DF.now1) !== 0;
  }

  get hasTextRelocations(): boolean {
    return this.dynamic.has(DT.textrel) || (this.flag(DT.flags) & DF.textrel) !== 0;
  }

  /** Bit 0: indirect jumps land only where they may; bit 1: returns go only to where they came from. */
  get guards(): number {
    const notes = this.sections.filter(({ type }) => type === SHT.note).flatMap((note) => this.propertiesOf(note));
    return notes.find(([type]) => FEATURES.includes(type))?.[1] ?? 0;
  }

  /** How often code says that an indirect jump may land: endbr64, or paciasp and bti c, which allow it, too. */
  get landings(): number {
    const marks = MARKS[this.bytes.readUInt16LE(18)] ?? [];
    const code = this.segments
      .filter(({ flags }) => (flags & PF.execute) !== 0)
      .map(({ offset, size }) => this.bytes.subarray(offset, offset + size));
    return code.reduce((all, part) => all + marks.reduce((some, mark) => some + count(part, mark), 0), 0);
  }

  private flag(tag: number): number {
    return this.dynamic.get(tag) ?? 0;
  }

  /** Where the entries of a table of the header are. */
  private table(offsetAt: number, sizeAt: number, countAt: number): number[] {
    const size = this.bytes.readUInt16LE(sizeAt);
    return every(this.long(offsetAt), size * this.bytes.readUInt16LE(countAt), size);
  }

  private namesOf({ offset, size, link }: Section): string[] {
    const names = this.sections[link]?.offset ?? 0;
    return every(offset, size, 24).map((at) => {
      const start = names + this.bytes.readUInt32LE(at);
      return this.bytes.toString('latin1', start, this.bytes.indexOf(0, start));
    });
  }

  private propertiesOf({ offset, size }: Section): (readonly [type: number, value: number])[] {
    const found: (readonly [number, number])[] = [];
    for (let at = offset; at + 12 <= offset + size; ) {
      const [nameSize, length] = [this.bytes.readUInt32LE(at), this.bytes.readUInt32LE(at + 4)];
      const start = at + 12 + aligned(nameSize, 4);
      if (this.bytes.readUInt32LE(at + 8) === NT_GNU_PROPERTY_TYPE_0) {
        for (let one = start; one + 12 <= start + length; one += 8 + aligned(this.bytes.readUInt32LE(one + 4), 8)) {
          found.push([this.bytes.readUInt32LE(one), this.bytes.readUInt32LE(one + 8)]);
        }
      }
      at = start + aligned(length, 4);
    }
    return found;
  }

  private long(at: number): number {
    return Number(this.bytes.readBigUInt64LE(at));
  }
}

function count(bytes: Buffer, mark: Buffer): number {
  let found = 0;
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) found++;
  return found;
}

function aligned(size: number, to: number): number {
  return Math.ceil(size / to) * to;
}

function every(offset: number, size: number, step: number): number[] {
  return step === 0 ? [] : Array.from({ length: Math.floor(size / step) }, (_, i) => offset + i * step);
}
