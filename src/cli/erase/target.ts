import { networkInterfaces } from 'node:os';
import type { Values } from '../../config/schema.js';
import { LONGEST_REASON } from '../../erase/record.js';
import { AddressSet, type EraseTarget, type Network, type Sides, withoutAddresses } from '../../erase/target.js';
import { momentText, ownZone } from '../../text/moment.js';
import { parseNetwork } from '../address.js';
import { Exit } from '../exit-codes.js';
import { Failure } from '../failure.js';
import { parseTime } from '../time.js';

/** As the command line has them. */
export interface TargetOptions {
  readonly client: readonly string[];
  readonly before?: string;
  readonly reason: string;
}

/** What is to be erased, and how the person is named. */
export interface Wanted {
  readonly target: EraseTarget;
  /** Some of address, network and hash, separated by commas. */
  readonly selectors: string;
  readonly reason: string;
  /** What a person should know about it. */
  readonly notes: readonly string[];
}

type Hiding = Pick<Values, 'capture.client_address' | 'capture.hidden_sides' | 'capture.own_address'>;

const LOOPBACK = ['127.0.0.0/8', '::1'];
const ALLOWED = 'an address (203.0.113.7, 2001:db8::7), a network (203.0.113.0/24), or a hash as the log shows it (fd7e:e39f:...)';

/** Throws Failure, a sentence that says what is wrong. */
export function wantedOf({ client, before, reason }: TargetOptions, values: Hiding, now: number): Wanted {
  if (client.length === 0) throw new Failure(Exit.usage, `Say whose connections, by --client: ${ALLOWED}.`);
  const hashed = values['capture.client_address'] === 'hash';
  const named = client.map((text) => ({ text, network: networkOf('client', text), selector: selectorOf(text, hashed) }));
  const beforeMs = before === undefined ? now : parseTime('before', before, now);
  if (beforeMs > now)
    throw new Failure(
      Exit.usage,
      `--before is ${JSON.stringify(before)}, which is in the future: what is not logged yet cannot be erased.`,
    );
  const networks = named.map(({ network }) => network);
  return {
    target: { networks, beforeNs: String(BigInt(Math.floor(beforeMs)) * 1_000_000n), sides: sidesOf(values) },
    selectors: ['address', 'network', 'hash'].filter((word) => named.some(({ selector }) => selector === word)).join(','),
    reason: reasonOf(reason, networks),
    notes: [
      // It cannot be undone: whoever meant another zone sees it.
      ...(before === undefined ? [] : [`Only what happened before ${momentText(beforeMs, ownZone())}.`]),
      ...named.flatMap(({ text, selector }) => noteOf(text, selector, values['capture.client_address'])),
    ],
  };
}

function networkOf(flag: string, text: string): Network {
  const found = parseNetwork(text);
  if (found === undefined) throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be ${ALLOWED}.`);
  const [host = ''] = text.split('/');
  const base = parseNetwork(host)?.first ?? found.first;
  if (!Buffer.from(base).equals(Buffer.from(found.first)))
    throw new Failure(
      Exit.usage,
      `--${flag} is ${JSON.stringify(text)}, an address with bits beyond the prefix: give the address alone for one person, or the network's own address for all in it.`,
    );
  return [Buffer.from(found.first).toString('hex'), Buffer.from(found.last).toString('hex')];
}

/** A hash is an address of fd00::/8; who does not hash may have clients with such addresses. */
function selectorOf(text: string, hashed: boolean): 'address' | 'network' | 'hash' {
  if (text.includes('/')) return 'network';
  return hashed && /^fd/i.test(text) ? 'hash' : 'address';
}

function noteOf(text: string, selector: string, hiding: string): string[] {
  if (hiding === 'hash' && selector !== 'hash')
    return [
      `The log has hashes (capture.client_address = "hash"), and what is erased is compared with what is logged: ${text} finds only what was logged before that. Give the hashes, too: "vslog key hash ADDRESS --all".`,
    ];
  if (hiding === 'prefix' && selector === 'address')
    return [
      'The log has prefixes (capture.client_address = "prefix"), and what is erased is compared with what is logged: an address finds only what was logged before that. Give the prefix as the log shows it; it is many people’s.',
    ];
  return [];
}

/** The rule of docs/hidden.md: where a person can stand. */
export function sidesOf(values: Hiding): Sides {
  const listed = values['capture.hidden_sides'];
  if (listed !== 'auto') {
    const words = listed.split(',').map((word) => word.trim());
    const has = (word: string): boolean => words.includes(word);
    return { client: has('client'), virtual: has('virtual'), real: has('real'), auto: false, own: [] };
  }
  const configured = values['capture.own_address']
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const machine = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address.replace(/%.*$/, '')));
  const own = [...LOOPBACK, ...machine, ...configured].flatMap((text): Network[] => {
    const found = parseNetwork(text);
    return found === undefined ? [] : [[Buffer.from(found.first).toString('hex'), Buffer.from(found.last).toString('hex')]];
  });
  return { client: true, virtual: true, real: true, auto: true, own };
}

function reasonOf(text: string, networks: readonly Network[]): string {
  const reason = text.trim();
  if (reason === '')
    throw new Failure(Exit.usage, '--reason is empty: say why, such as "request of the person, case 17". It is kept in the log.');
  if (Buffer.byteLength(reason) > LONGEST_REASON)
    throw new Failure(Exit.usage, `--reason has ${Buffer.byteLength(reason)} bytes: it may have ${LONGEST_REASON}.`);
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(reason)) throw new Failure(Exit.usage, '--reason must be one line of plain text.');
  const addresses = new AddressSet(networks);
  if (withoutAddresses(reason, (address) => addresses.has(address, 0)) !== reason)
    throw new Failure(Exit.usage, '--reason names the address that is to be erased: the reason is kept in the log, so leave that out.');
  return reason;
}
