import { toLong, v1 } from './proto.js';

/** An address range with an optional port. */
export interface Place {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  readonly address: Uint8Array;
  /** Bits of the 16-byte form: an IPv4 prefix of n has 96 + n. */
  readonly prefix: number;
  readonly port: number | undefined;
}

/** Which virtual services are meant: those of a firewall mark, or at one of some places. */
export type ServiceFilter =
  | {
      /** A firewall mark, from 1. */
      readonly mark: number;
      /** Undefined: both. */
      readonly family: 4 | 6 | undefined;
    }
  | {
      /** IPPROTO_*; undefined: each. */
      readonly protocol: number | undefined;
      readonly places: readonly Place[];
    };

/** Which live connections are meant. Every part that is given must hold; nothing given means all. */
export interface ConnFilter {
  readonly client: Place | undefined;
  readonly virtual: Place | undefined;
  readonly real: Place | undefined;
  readonly protocol: number | undefined;
  readonly fwmark: number | undefined;
  /** Undefined: both. */
  readonly family: 4 | 6 | undefined;
  readonly state: number | undefined;
  /** Templates only, no templates, or both. */
  readonly template: boolean | undefined;
  /** Since its beginning. */
  readonly olderThanNs: bigint | undefined;
  /** Since its last packet. */
  readonly idleNs: bigint | undefined;
  /** Only those whose real server has weight 0. */
  readonly quiesced: boolean;
}

export const EVERY_CONNECTION: ConnFilter = {
  client: undefined,
  virtual: undefined,
  real: undefined,
  protocol: undefined,
  fwmark: undefined,
  family: undefined,
  state: undefined,
  template: undefined,
  olderThanNs: undefined,
  idleNs: undefined,
  quiesced: false,
};

/** As the socket has it. */
export function connFilterMessage(filter: ConnFilter): InstanceType<typeof v1.ConnFilter> {
  const message = new v1.ConnFilter({ quiesced: filter.quiesced });
  const { client, virtual, real, protocol, fwmark, family, state, template, idleNs, olderThanNs } = filter;
  if (client !== undefined) message.client = placeMessage(client);
  if (virtual !== undefined) message.virtual_service = placeMessage(virtual);
  if (real !== undefined) message.real = placeMessage(real);
  if (protocol !== undefined) message.protocol = protocol;
  if (fwmark !== undefined) message.fwmark = fwmark;
  if (family !== undefined) message.family = family;
  if (state !== undefined) message.state = state;
  if (template !== undefined) message.is_template = template;
  if (idleNs !== undefined) message.idle_ns = toLong(idleNs);
  if (olderThanNs !== undefined) message.older_ns = toLong(olderThanNs);
  return message;
}

/** As the socket has it. */
export function placeMessage({ address, prefix, port }: Place): InstanceType<typeof v1.Place> {
  return new v1.Place(port === undefined ? { address, prefix } : { address, prefix, port });
}
