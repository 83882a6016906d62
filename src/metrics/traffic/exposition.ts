import { labelText, Metric } from '../text-format.js';
import { BOUNDS, cumulativeLifetimes, endsByOutcome, Figure } from './figures.js';
import { OTHER } from './identity.js';
import type { Ledger } from './ledger.js';
import type { Levels } from './levels.js';
import type { Member } from './roster.js';

/** All of one kind: virtual services, or real servers. */
export interface Kind {
  readonly members: ReadonlyMap<string, Member>;
  /** How they stand; undefined: the balancer does not say. */
  readonly levels: ReadonlyMap<string, Levels> | undefined;
  /** Undefined: there is no store that counts. */
  readonly ledger: Ledger | undefined;
  /** When each was last changed, ms since 1970. */
  readonly changed: ReadonlyMap<string, number>;
}

type Of = 'vs' | 'rs';

const LEVELS: Readonly<Record<Of, readonly (readonly [name: string, help: string, level: keyof Levels])[]>> = {
  vs: [
    [
      'active_connections',
      'Established connections of the virtual service, as the balancer counts them; UDP is never among them.',
      'active',
    ],
    ['inactive_connections', 'Other connections of the virtual service: being opened, closing, over; all of UDP.', 'inactive'],
    ['servers', 'Real servers of the virtual service.', 'servers'],
    ['quiesced_servers', 'Real servers of the virtual service that have weight 0.', 'quiesced'],
    ['overloaded_servers', 'Real servers of the virtual service that are over their upper threshold.', 'overloaded'],
    ['weight', 'Sum of the weights of its real servers; 0: none takes new connections.', 'weight'],
  ],
  rs: [
    [
      'active_connections',
      'Established connections of the real server in this virtual service, as the balancer counts them; UDP is never among them.',
      'active',
    ],
    ['inactive_connections', 'Other connections of the real server: being opened, closing, over; all of UDP.', 'inactive'],
    ['weight', 'Weight of the real server in this virtual service.', 'weight'],
    ['quiesced', '1: the real server has weight 0 and takes no new connections.', 'quiesced'],
    ['draining', '1: the real server has weight 0 and connections are still established. Quiesced and not draining: drained.', 'draining'],
    ['overloaded', '1: the real server is over its upper threshold and takes no new connections.', 'overloaded'],
  ],
};

const COUNTERS: Readonly<Record<Of, readonly (readonly [name: string, help: string, figure: number])[]>> = {
  vs: [
    ['connections_created', 'Connections made, as far as the store has them.', Figure.creates],
    [
      'nodest_dropped_packets',
      'Packets dropped without a word because their real server was gone, as far as the store has them.',
      Figure.dropPackets,
    ],
    ['sched_fails', 'Connections that found no real server, as far as the store has them.', Figure.schedFails],
    ['changes', 'Changes of the virtual service and of its real servers: added, changed, removed.', Figure.changes],
  ],
  rs: [
    ['connections_created', 'Connections made, as far as the store has them.', Figure.creates],
    [
      'nodest_dropped_packets',
      'Packets dropped without a word because the real server was gone, as far as the store has them.',
      Figure.dropPackets,
    ],
    ['changes', 'Changes of the real server: added, changed, removed.', Figure.changes],
    [
      'withdrawals',
      'How often the real server was taken out of service: its weight became 0, or it was removed with another weight.',
      Figure.withdrawals,
    ],
    ['overloads', 'How often the real server reached its upper threshold.', Figure.overloads],
  ],
};

/** The series of one kind in Prometheus's text format. */
export function expositionOf(of: Of, { members, levels, ledger, changed }: Kind): string {
  const other = labelText(of === 'vs' ? { vs: 'other' } : { vs: 'other', rs: 'other' });
  const all: (readonly [slot: string, labels: string])[] = [...members.values()].map(
    ({ slot, vs, rs }) => [slot, labelText(rs === undefined ? { vs } : { vs, rs })] as const,
  );
  all.push([OTHER, other]);
  const metrics: Metric[] = [];
  const metric = (...about: ConstructorParameters<typeof Metric>): Metric => {
    const one = new Metric(...about);
    metrics.push(one);
    return one;
  };
  for (const [name, help, level] of LEVELS[of]) {
    const one = metric(`vslog_${of}_${name}`, 'gauge', help);
    for (const [slot, labels] of all) {
      const value = levels?.get(slot)?.[level];
      if (value !== undefined) one.sample(labels, value);
    }
  }
  const last = metric(
    `vslog_${of}_last_change_timestamp_seconds`,
    'gauge',
    `When ${of === 'vs' ? 'the virtual service or one of its real servers' : 'the real server'} was last added, changed or removed, unix time.`,
  );
  for (const [slot, labels] of all) {
    const at = changed.get(slot);
    if (at !== undefined && at > 0) last.sample(labels, at / 1000);
  }
  if (ledger !== undefined) counted(of, all, ledger, metric);
  return metrics.join('');
}

function counted(
  of: Of,
  all: readonly (readonly [slot: string, labels: string])[],
  ledger: Ledger,
  metric: (...about: ConstructorParameters<typeof Metric>) => Metric,
): void {
  for (const [name, help, figure] of COUNTERS[of]) {
    const one = metric(`vslog_${of}_${name}_total`, 'counter', help);
    for (const [slot, labels] of all) {
      const shown = ledger.shown(slot);
      if (shown !== undefined) one.sample(labels, shown.get(figure) ?? 0);
    }
  }
  const ended = metric(
    `vslog_${of}_connections_ended_total`,
    'counter',
    'Connections ended, by outcome (docs/sql.md), as far as the store has them.',
  );
  const lifetimes = metric(
    `vslog_${of}_connection_lifetime_seconds`,
    'histogram',
    'Lifetimes of the connections that ended, as far as the store has them. Unknown ones are in the first bucket; the sum is right within 10 %.',
  );
  for (const [slot, labels] of all) {
    const shown = ledger.shown(slot);
    if (shown === undefined) continue;
    for (const [outcome, ends] of endsByOutcome(shown)) ended.sample(`${labels},outcome="${outcome}"`, ends);
    lifetimes.histogram(labels, BOUNDS, cumulativeLifetimes(shown), shown.get(Figure.lifetimeSeconds) ?? 0);
  }
}
