import { parseAddress } from '../wire/address.js';

/** The first and the last address of a network, 16 bytes each, in hex. */
export type Network = readonly [first: string, last: string];

/** Where in an event a person's address can stand. */
export interface Sides {
  readonly client: boolean;
  readonly virtual: boolean;
  readonly real: boolean;
  /** `virtual` and `real` only of events of source conntrack, and there only an address that is not among `own`: the rule of `capture.hidden_sides = "auto"`. */
  readonly auto: boolean;
  /** Addresses that are ours. */
  readonly own: readonly Network[];
}

/** Whose events are erased. */
export interface EraseTarget {
  readonly networks: readonly Network[];
  /** Only what happened before, ns since 1970, in decimal. */
  readonly beforeNs: string;
  readonly sides: Sides;
}

/** Of an event's flags: IPS_CONFIRMED, which every flow of source conntrack has. IPVS has no such flag. */
export const CONNTRACK_FLAG = 8;

/** A set of addresses, as bytes are compared. */
export class AddressSet {
  private readonly ranges: readonly (readonly [Uint32Array, Uint32Array])[];

  constructor(networks: readonly Network[]) {
    this.ranges = networks.map(([first, last]) => [words(Buffer.from(first, 'hex')), words(Buffer.from(last, 'hex'))]);
  }

  /** Whether the 16 bytes at `at` are in it. */
  has(bytes: Buffer, at: number): boolean {
    return this.ranges.some(([first, last]) => order(bytes, at, first) >= 0 && order(bytes, at, last) <= 0);
  }
}

function words(bytes: Buffer): Uint32Array {
  return Uint32Array.from([0, 4, 8, 12], (at) => bytes.readUInt32BE(at));
}

/** Below 0: the bytes come before the words. */
function order(bytes: Buffer, at: number, other: Uint32Array): number {
  for (let i = 0; i < 4; i++) {
    const difference = bytes.readUInt32BE(at + 4 * i) - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The address that a word of a text names, as 16 bytes: alone, or before a port. Undefined: it names none. */
export function addressIn(word: string): { readonly address: Buffer; readonly length: number } | undefined {
  for (const text of [word, word.replace(/[.:]+$/, ''), word.replace(/:\d{1,5}$/, '')]) {
    const address = parseAddress(text);
    if (address !== undefined) return { address: Buffer.from(address), length: text.length };
  }
  return undefined;
}

/** A text in which the addresses that `hides` takes are written over, each by as many `x` as it had letters. */
export function withoutAddresses(text: string, hides: (address: Buffer) => boolean): string {
  return text.replace(/[0-9a-fA-F]*[.:][0-9a-fA-F.:]+/g, (word) => {
    const found = addressIn(word);
    return found !== undefined && hides(found.address) ? 'x'.repeat(found.length) + word.slice(found.length) : word;
  });
}
