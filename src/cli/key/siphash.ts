const MASK = 0xffff_ffff_ffff_ffffn;

const rotated = (x: bigint, bits: bigint): bigint => ((x << bits) | (x >> (64n - bits))) & MASK;

/** SipHash-2-4 with 16 bytes of output, of 16 bytes; native/daemon/siphash.h has the same. */
export function siphash128(key: Uint8Array, data: Uint8Array): Uint8Array {
  const k = new DataView(key.buffer, key.byteOffset, 16);
  const words = new DataView(data.buffer, data.byteOffset, 16);
  const [k0, k1] = [k.getBigUint64(0, true), k.getBigUint64(8, true)];
  let [v0, v1] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn ^ 0xeen];
  let [v2, v3] = [k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = rotated(v1, 13n) ^ v0;
    v0 = rotated(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotated(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotated(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotated(v1, 17n) ^ v2;
    v2 = rotated(v2, 32n);
  };
  // The last word is the length, before no further bytes.
  for (const word of [words.getBigUint64(0, true), words.getBigUint64(8, true), 16n << 56n]) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  const out = new Uint8Array(16);
  const view = new DataView(out.buffer);
  const finish = (at: number): void => {
    for (let i = 0; i < 4; i++) round();
    view.setBigUint64(at, v0 ^ v1 ^ v2 ^ v3, true);
  };
  v2 ^= 0xeen;
  finish(0);
  v1 ^= 0xddn;
  finish(8);
  return out;
}
