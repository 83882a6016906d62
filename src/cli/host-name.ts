import { lookup } from 'node:dns/promises';
import { parseAddress } from './address.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

/** The addresses that an address or a name stands for, 16 bytes each: of a name all that /etc/hosts or the resolver has, IPv4 and IPv6. Rejects with Failure. */
export async function addressesOf(text: string): Promise<Uint8Array[]> {
  const address = parseAddress(text);
  if (address !== undefined) return [address];
  if (!/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/.test(text) || /^[\d.]+$/.test(text))
    throw new Failure(
      Exit.usage,
      `${JSON.stringify(text)} is neither an address nor a name: write 192.0.2.7, 2001:db8::7 or web7.example.`,
    );
  let found: readonly { readonly address: string }[];
  try {
    found = await lookup(text, { all: true });
  } catch (error) {
    throw new Failure(
      Exit.usage,
      `The name ${JSON.stringify(text)} cannot be resolved (${(error as NodeJS.ErrnoException).code ?? String(error)}): check it, or write the address.`,
    );
  }
  return found.flatMap((one) => parseAddress(one.address) ?? []);
}
