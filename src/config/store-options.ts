import { type CommandName, duration, room } from './option.js';

const DAY = 86_400_000;
const collector: readonly CommandName[] = ['collect', 'up'];
/** An hour to fifty years: the engine counts seconds since 1970 in 32 bits, and what should be kept beyond 2106 it would remove at once. */
const bounds = { min: 3_600_000, max: 18_250 * DAY };

/** How long the store keeps what, and how much room it leaves. The times are applied to its tables at every start. */
export const storeOptions = {
  'store.keep_events': duration({
    default: 90 * DAY,
    ...bounds,
    doc: 'How long the store keeps events of connections, table `conn_events`.',
    more: 'Counted from the end of the day of their time, or from their arrival where that was later. The collector removes whole days at once, while its clock is believed. A shorter time drops what is older soon after the start. The spool and other sinks have limits of their own.',
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
    more: 'Whole months are removed at once.',
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
  'store.keep_free': room({
    default: '5%',
    doc: 'How much of its disk the embedded store leaves free, a size or a part of the disk.',
    more: 'With less free than that, and what the next segment takes, nothing is delivered to it, and it goes on by itself when there is room: a disk that is full to the last byte cannot even be tidied up. What waits stays in the spool; other sinks go on, and so do queries. `0` turns it off. A ClickHouse server has a setting of its own for this, `keep_free_space_bytes` of its disks.',
    flag: 'store-keep-free',
    commands: [...collector, 'doctor'],
  }),
};
