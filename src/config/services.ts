import { isIP, isIPv4 } from 'node:net';
import { nearest } from './nearest.js';
import type { Option } from './option.js';
import { realSchema, serviceSchema } from './schema.js';
import { BadValue, closed, parseValue } from './value.js';

export interface RealServer {
  /** `192.0.2.7:80`, `[2001:db8::7]:80` */
  readonly at: string;
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
}

/** A virtual service of the engine. */
export interface VirtualService {
  /** `tcp://192.0.2.1:80`, `udp://[2001:db8::1]:53`, `fwmark://7` */
  readonly at: string;
  readonly scheduler: string;
  /** Seconds; 0: not persistent. */
  readonly persistent: number;
  /** Empty: whole addresses. */
  readonly netmask: string;
  readonly onePacket: boolean;
  readonly reals: readonly RealServer[];
  /** `FILE:LINE`, or `flag --service ...`. */
  readonly origin: string;
}

/** A field as it was written, and where: `FILE:LINE`, or the flag. */
export interface RawField {
  readonly name: string;
  readonly value: unknown;
  readonly place: string;
}
export interface RawReal {
  readonly place: string;
  readonly fields: readonly RawField[];
}
export interface RawService extends RawReal {
  readonly reals: readonly RawReal[];
}

/** What `--service`, `--scheduler`, ... `--real` were given, in the order of the command line. */
export interface ServiceFlag {
  readonly flag: string;
  readonly value: string;
}

/** Services from raw ones, and a sentence on everything that is wrong. */
export function readServices(raw: readonly RawService[]): { services: VirtualService[]; problems: string[] } {
  const problems: string[] = [];
  const services: VirtualService[] = [];
  const seen = new Map<string, string>();
  for (const one of raw) {
    const before = problems.length;
    const fields = readFields(one, serviceSchema, 'service', problems, ['real']);
    const at = serviceAddress(fields.at, problems);
    const reals = readReals(one.reals, at, problems);
    if (at !== undefined) {
      const other = seen.get(at.key);
      if (other !== undefined)
        problems.push(`${at.place}: service.at is ${JSON.stringify(at.text)}: there is a service at this address already, ${other}.`);
      else seen.set(at.key, `at ${at.place}`);
    }
    if (at === undefined || problems.length > before) continue;
    services.push({
      at: at.text,
      scheduler: String(fields.scheduler.value),
      persistent: Number(fields.persistent.value),
      netmask: String(fields.netmask.value),
      onePacket: fields.one_packet.value === true,
      reals,
      origin: one.place,
    });
  }
  return { services, problems };
}

/** The services of the command line. What follows a `--service` belongs to it. */
export function servicesOfFlags(flags: readonly ServiceFlag[]): { raw: RawService[]; problems: string[] } {
  const raw: { place: string; fields: RawField[]; reals: RawReal[] }[] = [];
  const problems: string[] = [];
  for (const { flag, value } of flags) {
    if (flag === serviceSchema.at.flag) {
      const place = `flag --service ${value}`;
      raw.push({ place, fields: [{ name: 'at', value, place: 'flag --service' }], reals: [] });
      continue;
    }
    const last = raw.at(-1);
    if (last === undefined) {
      problems.push(`flag --${flag}: it belongs to the --service before it, and there is none.`);
    } else if (flag === realSchema.at.flag) {
      const [at = '', ...rest] = value.split(',');
      const place = `flag --real ${value}`;
      const fields = rest.map((part): RawField => {
        const [name = '', ...words] = part.split('=');
        return { name, value: words.join('='), place };
      });
      last.reals.push({ place, fields: [{ name: 'at', value: at, place }, ...fields] });
    } else {
      last.fields.push({ name: flag.replaceAll('-', '_'), value, place: `${last.place} --${flag}` });
    }
  }
  return { raw, problems };
}

/** The flags of vslog-capture for a service. */
export function serviceArguments(service: VirtualService): string[] {
  return [
    '--service',
    service.at,
    '--scheduler',
    service.scheduler,
    ...(service.persistent > 0 ? ['--persistent', String(service.persistent)] : []),
    ...(service.netmask !== '' ? ['--netmask', service.netmask] : []),
    ...(service.onePacket ? ['--one-packet'] : []),
    ...service.reals.flatMap((real) => ['--real', realArgument(real)]),
  ];
}

export function realArgument({ at, weight, upper, lower }: RealServer): string {
  return `${at},weight=${weight}${upper > 0 ? `,upper=${upper}` : ''}${lower > 0 ? `,lower=${lower}` : ''}`;
}

interface Read {
  readonly value: string | number | boolean;
  readonly place: string;
}

/** Every field of a schema: as it was given, or its default. */
function readFields<T extends Record<string, unknown>>(
  raw: RawReal,
  schema: T,
  table: string,
  problems: string[],
  others: readonly string[] = [],
): { [K in keyof T]: Read } {
  const options = schema as unknown as Readonly<Record<string, Option>>;
  const machine = { root: false, uid: 0, home: '', env: {} };
  const read: Record<string, Read> = {};
  for (const [name, option] of Object.entries(options)) read[name] = { value: option.default(machine) as Read['value'], place: raw.place };
  for (const { name, value, place } of raw.fields) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const near = nearest(name, [...Object.keys(options), ...others]);
      problems.push(`${place}: there is no option ${table}.${name}${near === undefined ? '.' : `; did you mean ${near}?`}`);
      continue;
    }
    try {
      read[name] = { value: parseValue(option, value), place };
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      problems.push(closed(`${place}: ${table}.${name} ${error.message}`));
    }
  }
  return read as { [K in keyof T]: Read };
}

function readReals(raw: readonly RawReal[], service: Address | undefined, problems: string[]): RealServer[] {
  const reals: RealServer[] = [];
  const seen = new Set<string>();
  for (const one of raw) {
    const fields = readFields(one, realSchema, 'service.real', problems);
    const text = String(fields.at.value);
    const where = endpointOf(text);
    const [weight, upper, lower] = [fields.weight, fields.upper, fields.lower].map(({ value }) => Number(value)) as [
      number,
      number,
      number,
    ];
    if (where === undefined) {
      problems.push(
        text === ''
          ? `${one.place}: this service.real has no address: say at = "192.0.2.7:80".`
          : `${fields.at.place}: service.real.at is ${JSON.stringify(text)}: it must be an address with port, such as 192.0.2.7:80 or [2001:db8::7]:80.`,
      );
    } else if (seen.has(where.key)) {
      problems.push(
        `${fields.at.place}: service.real.at is ${JSON.stringify(text)}: ${service?.text ?? 'the service'} has this real server already.`,
      );
    } else seen.add(where.key);
    // As the kernel has it (ip_vs_ctl.c, ip_vs_add_dest): ERANGE.
    if (lower > upper) {
      problems.push(
        `${fields.lower.place}: service.real.lower is ${lower}: it must not be above upper, which is ${upper === 0 ? '0, no limit' : upper}.`,
      );
    }
    reals.push({ at: text, weight, upper, lower });
  }
  return reals;
}

interface Address {
  readonly text: string;
  /** Equal for two ways to write the same. */
  readonly key: string;
  readonly place: string;
}

function serviceAddress(at: Read, problems: string[]): Address | undefined {
  const text = String(at.value);
  if (text === '') {
    problems.push(`${at.place}: this service has no address: say at = "tcp://192.0.2.1:80".`);
    return undefined;
  }
  const mark = /^fwmark:\/\/(\d{1,10})$/.exec(text);
  if (mark !== null && Number(mark[1]) > 0 && Number(mark[1]) <= 0xffff_ffff)
    return { text, key: `fwmark ${Number(mark[1])}`, place: at.place };
  const [, protocol, rest] = /^(tcp|udp|sctp):\/\/(.*)$/.exec(text) ?? [];
  const where = rest === undefined ? undefined : endpointOf(rest);
  if (where !== undefined) return { text, key: `${protocol} ${where.key}`, place: at.place };
  problems.push(
    `${at.place}: service.at is ${JSON.stringify(text)}: it must be tcp://, udp:// or sctp:// with an address and port, such as tcp://192.0.2.1:80 or tcp://[2001:db8::1]:80, or fwmark:// with a mark.`,
  );
  return undefined;
}

/** `ADDRESS:PORT` or `[IPv6]:PORT`; the key is the same for all ways to write it. */
function endpointOf(text: string): { key: string } | undefined {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65_535) return undefined;
  const [, six, four] = match;
  if (six !== undefined ? isIP(six) !== 6 || six.includes('%') : !isIPv4(four ?? '')) return undefined;
  // ::ffff:192.0.2.1 is 192.0.2.1, and so the capture takes it.
  const mapped = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(six === undefined ? '' : new URL(`http://[${six}]`).hostname);
  const address =
    mapped !== null ? ipv4Of(mapped[1] ?? '', mapped[2] ?? '') : six === undefined ? four : new URL(`http://[${six}]`).hostname;
  return { key: `${address}:${Number(match[3])}` };
}

/** An IPv4 address out of the two last groups of an IPv6 one. */
function ipv4Of(high: string, low: string): string {
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}
