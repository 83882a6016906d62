import type { CaptureClient } from './client.js';
import type { vslog } from './generated/vslog.js';
import { MessageType } from './message.js';
import { toBigInt, v1 } from './proto.js';

/** A name of proto/knobs.json and a value as its type is written. */
export interface KnobAssignment {
  readonly name: string;
  readonly value: string;
}

export interface KnobReading {
  readonly name: string;
  readonly value: string;
  /** A sentence: why there is no value here. Empty when there is one. */
  readonly problem: string;
  /** It is there, and can be changed while everything runs. */
  readonly settable: boolean;
}

export interface KnobChange {
  readonly name: string;
  readonly oldValue: string;
  /** As it was read back. */
  readonly newValue: string;
}

/** Which packets a virtual service takes. */
export interface ServiceKey {
  /** IPPROTO_*; 0 with a firewall mark. */
  readonly protocol: number;
  readonly family: 4 | 6;
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. Empty with a firewall mark. */
  readonly address: Uint8Array;
  readonly port: number;
  /** 0: none. */
  readonly fwmark: number;
}

export interface ServerKey {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** The balancer's own counters since the start, and its estimates of the last seconds. */
export interface Traffic {
  readonly connections: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly connectionsPerS: number;
  readonly packetsInPerS: number;
  readonly packetsOutPerS: number;
  readonly bytesInPerS: number;
  readonly bytesOutPerS: number;
}

export interface RealServer {
  readonly key: ServerKey;
  /** real_* of the catalogue. */
  readonly settings: ReadonlyMap<string, string>;
  readonly active: number;
  readonly inactive: number;
  /** Persistence templates. */
  readonly persistent: number;
  /** Above its upper threshold. */
  readonly overloaded: boolean;
  /** Undefined where nobody counts. */
  readonly traffic: Traffic | undefined;
}

export interface VirtualService {
  readonly key: ServiceKey;
  /** service_* of the catalogue. */
  readonly settings: ReadonlyMap<string, string>;
  readonly reals: readonly RealServer[];
  readonly traffic: Traffic | undefined;
}

export interface ServiceChange {
  readonly action: 'add' | 'set' | 'remove';
  readonly service: ServiceKey;
  /** The change is of this real server of it. */
  readonly real?: ServerKey;
  readonly settings?: readonly KnobAssignment[];
  readonly netns?: string;
}

/** Knobs, virtual services and real servers through the capture. Every call may reject with CaptureRefusal (one sentence, an errno, the field), ConnectionError and WireError. */
export class Administration {
  private readonly client: CaptureClient;
  private readonly forWhom: string;

  /** `forWhom`: somebody whom the caller let in, 1 to 63 of [A-Za-z0-9._@-]; the records of changes then name them before the caller's command line. */
  constructor(client: CaptureClient, forWhom = '') {
    this.client = client;
    this.forWhom = forWhom;
  }

  /** Current values, in the catalogue's order; without names all but those of virtual services and real servers. `netns`: a name below /run/netns or a path. */
  async knobs(names: readonly string[] = [], netns = ''): Promise<KnobReading[]> {
    const found: KnobReading[] = [];
    const take = (payload: Uint8Array): void => {
      const { name, value, problem, settable } = v1.KnobEntry.decode(payload);
      found.push({ name, value, problem, settable });
    };
    const payload = v1.KnobList.encode({ names: [...names], netns }).finish();
    await this.client.call({ type: MessageType.knobList, payload, answer: MessageType.controlDone }, { type: MessageType.knobEntry, take });
    return found;
  }

  /** Sets all or none, and reads them back. `dryRun`: checks everything and changes nothing; the answer says what would change. */
  async setKnobs(assignments: readonly KnobAssignment[], options: { netns?: string; dryRun?: boolean } = {}): Promise<KnobChange[]> {
    const payload = v1.KnobSet.encode({
      assignments: assignments.map((one) => new v1.KnobAssignment(one)),
      netns: options.netns ?? '',
      dry_run: options.dryRun ?? false,
      for_whom: this.forWhom,
    }).finish();
    const answer = await this.client.call({ type: MessageType.knobSet, payload, answer: MessageType.knobChanged });
    return v1.KnobsChanged.decode(answer).changes.map((one) => ({
      name: one.name ?? '',
      oldValue: one.old_value ?? '',
      newValue: one.new_value ?? '',
    }));
  }

  /** The virtual services with their real servers; only `key` when it is given: then the capture refuses (ENOENT) when there is none. */
  async services(key?: ServiceKey, netns = ''): Promise<VirtualService[]> {
    const found: VirtualService[] = [];
    const take = (payload: Uint8Array): void => void found.push(virtualService(v1.ServiceEntry.decode(payload)));
    const payload = v1.ServiceList.encode({ ...(key === undefined ? {} : { service: new v1.ServiceKey(key) }), netns }).finish();
    await this.client.call(
      { type: MessageType.serviceList, payload, answer: MessageType.controlDone },
      { type: MessageType.serviceEntry, take },
    );
    return found;
  }

  /** Changes one virtual service or real server. The answer is as control_events has it: "weight=1 forward=masq upper=0 lower=0". */
  async change(change: ServiceChange): Promise<{ oldValue: string; newValue: string }> {
    const payload = v1.ServiceChange.encode({
      action: v1.ServiceAction.Value[change.action],
      service: new v1.ServiceKey(change.service),
      ...(change.real === undefined ? {} : { real: new v1.ServerKey(change.real) }),
      settings: (change.settings ?? []).map((one) => new v1.KnobAssignment(one)),
      netns: change.netns ?? '',
      for_whom: this.forWhom,
    }).finish();
    const answer = await this.client.call({ type: MessageType.serviceChange, payload, answer: MessageType.serviceChanged });
    const { old_value, new_value } = v1.ServiceChanged.decode(answer);
    return { oldValue: old_value, newValue: new_value };
  }
}

function virtualService({ service, settings, reals, traffic }: vslog.v1.ServiceEntry): VirtualService {
  return {
    key: {
      protocol: service?.protocol ?? 0,
      family: service?.family === 6 ? 6 : 4,
      address: service?.address ?? new Uint8Array(0),
      port: service?.port ?? 0,
      fwmark: service?.fwmark ?? 0,
    },
    settings: settingsMap(settings),
    reals: reals.map((one) => ({
      key: { address: one.real?.address ?? new Uint8Array(0), port: one.real?.port ?? 0 },
      settings: settingsMap(one.settings ?? []),
      active: count(one.active),
      inactive: count(one.inactive),
      persistent: count(one.persistent),
      overloaded: one.overloaded ?? false,
      traffic: trafficOf(one.traffic),
    })),
    traffic: trafficOf(traffic),
  };
}

function settingsMap(settings: readonly vslog.v1.IKnobAssignment[]): Map<string, string> {
  return new Map(settings.map(({ name, value }) => [name ?? '', value ?? '']));
}

function trafficOf(traffic: vslog.v1.ITrafficFigures | null | undefined): Traffic | undefined {
  if (traffic === null || traffic === undefined) return undefined;
  return {
    connections: count(traffic.connections),
    packetsIn: count(traffic.packets_in),
    packetsOut: count(traffic.packets_out),
    bytesIn: count(traffic.bytes_in),
    bytesOut: count(traffic.bytes_out),
    connectionsPerS: count(traffic.connections_per_s),
    packetsInPerS: count(traffic.packets_in_per_s),
    packetsOutPerS: count(traffic.packets_out_per_s),
    bytesInPerS: count(traffic.bytes_in_per_s),
    bytesOutPerS: count(traffic.bytes_out_per_s),
  };
}

function count(value: vslog.v1.ITrafficFigures['connections']): number {
  return value === null || value === undefined || typeof value === 'number' ? (value ?? 0) : Number(toBigInt(value));
}
