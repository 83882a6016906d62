import type { ServerKey, ServiceKey } from '../wire/administration.js';
import { formatEndpoint, parseAddress } from './address.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['udp', 17],
  ['sctp', 132],
]);

/** What a person may write for a virtual service. */
export const SERVICE_FORMS =
  '"192.0.2.1:80" (tcp), "udp 192.0.2.1:53", "tcp [2001:db8::1]:443", "fwmark 7" or, of IPv6, "fwmark 7 ipv6"; ipvsadm\'s port 0 takes every port';

/** Reads a virtual service: protocol, address and port, or a firewall mark. A blank, `:` or `://` may stand between the words. Throws Failure. */
export function parseServiceKey(text: string): ServiceKey {
  const [, word = 'tcp', rest = ''] = /^(?:(tcp|udp|sctp|fwmark)(?::\/\/|[ :]))?\s*(.*)$/i.exec(text.trim()) ?? [];
  const protocol = PROTOCOLS.get(word.toLowerCase());
  if (protocol === undefined) {
    const [, mark, six] = /^(\d{1,10})(?:[ :](ipv6))?$/i.exec(rest) ?? [];
    const fwmark = Number(mark);
    if (mark !== undefined && fwmark >= 1 && fwmark <= 0xffffffff)
      return { protocol: 0, family: six === undefined ? 4 : 6, address: new Uint8Array(0), port: 0, fwmark };
  } else {
    const at = endpoint(rest);
    if (at !== undefined) return { protocol, family: isIpv4(at.address) ? 4 : 6, ...at, fwmark: 0 };
  }
  throw new Failure(Exit.usage, `${JSON.stringify(text)} is no virtual service: write ${SERVICE_FORMS}.`);
}

/** Reads a real server: address and port. Throws Failure. */
export function parseServerKey(text: string): ServerKey {
  const at = endpoint(text.trim());
  if (at === undefined)
    throw new Failure(
      Exit.usage,
      `${JSON.stringify(text)} is no real server: write ADDRESS:PORT, such as 192.0.2.7:8080 or [2001:db8::7]:8080.`,
    );
  return at;
}

/** `tcp 192.0.2.1:80`, `fwmark 7`: what parseServiceKey() reads. */
export function formatServiceKey({ protocol, family, address, port, fwmark }: ServiceKey): string {
  if (fwmark !== 0) return `fwmark ${fwmark}${family === 6 ? ' ipv6' : ''}`;
  const name = [...PROTOCOLS].find(([, number]) => number === protocol)?.[0] ?? String(protocol);
  return `${name} ${formatEndpoint(address, port)}`;
}

/** `192.0.2.7:8080`. */
export function formatServerKey({ address, port }: ServerKey): string {
  return formatEndpoint(address, port);
}

/** Whether they are the same real server. */
export function sameServer(a: ServerKey, b: ServerKey): boolean {
  return a.port === b.port && Buffer.compare(a.address, b.address) === 0;
}

function endpoint(text: string): ServerKey | undefined {
  const [, six, four, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = parseAddress(six ?? four ?? '');
  const port = Number(digits);
  if (address === undefined || digits === undefined || port > 65_535) return undefined;
  // Brackets are for IPv6, in which ::ffff:192.0.2.1 is a way to write 192.0.2.1.
  if (six === undefined ? !isIpv4(address) : !six.includes(':')) return undefined;
  return { address, port };
}

function isIpv4(address: Uint8Array): boolean {
  return address.subarray(0, 10).every((byte) => byte === 0) && address[10] === 0xff && address[11] === 0xff;
}
