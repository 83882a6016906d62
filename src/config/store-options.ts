import { type CommandName, duration } from './option.js';

const DAY = 86_400_000;
const collector: readonly CommandName[] = ['collect', 'up'];
/** An hour to fifty years: the engine counts seconds since 1970 in 32 bits, and what should be kept beyond 2106 it would remove at once. */
const bounds = { min: 3_600_000, max: 18_250 * DAY };

/** How long the store keeps what. Applied to its tables at every start. */
export const storeOptions = {
  'store.keep_events': duration({
    default: 90 * DAY,
    ...bounds,
    doc: 'How long the store keeps events of connections, table `conn_events`.',
    more: 'Whole days are dropped at once. A shorter time drops what is older soon after the start. The spool and other sinks have limits of their own.',
    flag: 'store-keep-events',
    commands: collector,
  }),
  'store.keep_connections': duration({
    default: 90 * DAY,
    ...bounds,
    doc: 'How long the store keeps connections after their end, view `connections`.',
    more: 'Open connections stay as long as they are open.',
    flag: 'store-keep-connections',
    commands: collector,
  }),
  'store.keep_minutes': duration({
    default: 730 * DAY,
    ...bounds,
    doc: 'How long the store keeps counts a minute and real server, table `rs_minute`.',
    flag: 'store-keep-minutes',
    commands: collector,
  }),
  'store.keep_control': duration({
    default: 3650 * DAY,
    ...bounds,
    doc: 'How long the store keeps changes, starts and losses, table `control_events`.',
    flag: 'store-keep-control',
    commands: collector,
  }),
};
