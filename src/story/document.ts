/** What a story tells, as the console answers it: only types, which the page shares. */

/** A connection in a story, in short. */
export interface Told {
  readonly node: string;
  /** Together with the node it names the connection for ever. 64 bits, so a text. */
  readonly id: string;
  readonly client: string;
  readonly service: string;
  readonly real: string;
  /** Unix time, ms. */
  readonly begin: number;
  /** Unix time, ms; null: it is open. */
  readonly end: number | null;
  /** How long it lasted; null: it is open. */
  readonly seconds: number | null;
  readonly outcome: string;
  /** Its last state; of an open one that of now, or empty where nobody could be asked. */
  readonly state: string;
  readonly bytes: number;
}

/** A change of a service, a real server or a knob. */
export interface Change {
  /** Unix time, ms. */
  readonly at: number;
  readonly node: string;
  /** Who made it, in short: `root: ipvsadm -e -t 192.0.2.1:80…`. */
  readonly who: string;
  /** With whole command lines, processes and their parents. */
  readonly whole: string;
  /** `real server 10.0.0.11:80 of tcp 192.0.2.1:80`. */
  readonly what: string;
  /** `weight=1 → weight=0`. */
  readonly change: string;
  /** How it was made: netlink, sockopt, sysctl, vslog, kernel, unknown. */
  readonly through: string;
}

/** Where a client was. */
export interface Stay {
  readonly service: string;
  readonly real: string;
  readonly node: string;
  readonly connections: number;
  readonly open: number;
  readonly cut: number;
  /** Unix time, ms. */
  readonly first: number;
  /** Of the last end; null: one is open. Unix time, ms. */
  readonly last: number | null;
}

/** Packets of a client that were dropped because their real server was gone. */
export interface Dropped {
  readonly service: string;
  readonly real: string;
  readonly packets: number;
  readonly connections: number;
  /** Unix time, ms. */
  readonly first: number;
  readonly last: number;
  /** When the real server was removed; null: not known. */
  readonly removed: number | null;
}

/** Connections of a client for which there was no real server. */
export interface Refused {
  readonly service: string;
  readonly node: string;
  readonly connections: number;
  /** Unix time, ms. */
  readonly first: number;
  readonly last: number;
}

/** All that the log knows of a client in a time. */
export interface ClientStory {
  readonly total: {
    readonly connections: number;
    readonly open: number;
    /** Established, and ended by something other than their two ends. */
    readonly cut: number;
    readonly bytes: number;
    /** Addresses: more than one where a network was asked for. */
    readonly clients: number;
    readonly services: number;
    readonly reals: number;
    readonly nodes: number;
    /** Unix time, ms; null: there was nothing. */
    readonly first: number | null;
    /** Of the last end; null: one is open, or there was nothing. */
    readonly last: number | null;
  };
  /** Most first. */
  readonly outcomes: readonly { readonly outcome: string; readonly connections: number }[];
  /** Most connections first. */
  readonly stays: readonly Stay[];
  /** The newest first. */
  readonly connections: readonly Told[];
  readonly drops: readonly Dropped[];
  readonly refusals: readonly Refused[];
  /** Of the real servers it was on, the newest first. */
  readonly changes: readonly Change[];
}

/** A connection with all that the log has of it. */
export interface Connection extends Told {
  readonly isTemplate: boolean;
  readonly cut: boolean;
  readonly reason: string;
  readonly scheduledBy: string;
  readonly forward: string;
  /** The real server's weight when it was made; null: not known. */
  readonly weight: number | null;
  readonly flags: readonly string[];
  /** Of its timer, s. */
  readonly timer: number;
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

export interface ConnectionStory {
  readonly connection: Connection;
  /** How it ended, or that it has not. */
  readonly sentence: string;
  /** What happened to it, the first first. */
  readonly steps: readonly { readonly at: number; readonly text: string }[];
  /** What bound its client to its real server; null: nothing did, or the log no longer has it. */
  readonly template: Told | null;
  /** Other connections that the same template led, or that this template led. */
  readonly siblings: number;
  /** At its real server while it was there, the newest first. */
  readonly changes: readonly Change[];
  /** Other connections of its client, the newest first. */
  readonly around: readonly Told[];
}

/** A client's story as the console answers it: `since` and `until` as they were understood, ms. */
export interface ClientAnswer extends ClientStory {
  readonly client: string;
  readonly since: number;
  readonly until: number;
}

/** Changes as the console's page lists them. */
export interface Changelog {
  /** The newest first. */
  readonly changes: readonly Change[];
  /** There may be more than the limit let through. */
  readonly more: boolean;
  /** A sentence for no change. */
  readonly none: string;
  readonly sql: string;
}
