import type { KnobInfo } from './api.ts';

/** What of a knob says where it stands. */
type Sorted = Pick<KnobInfo, 'name' | 'group' | 'problem'>;

export interface Group<T extends Sorted = KnobInfo> {
  /** For links within the page. */
  readonly id: string;
  readonly title: string;
  readonly knobs: readonly T[];
  /** Nobody needs it who does not look for it. */
  readonly aside: boolean;
}

/** The catalogue's groups in the words of the page, in its order. */
const TITLES: Readonly<Record<string, string>> = {
  expiry: 'Expiry',
  timeouts: 'Timeouts',
  defence: 'Defence',
  scheduling: 'Scheduling',
  forwarding: 'Forwarding',
  sync: 'Synchronisation',
  statistics: 'Statistics',
  tables: 'Tables',
  modules: 'Modules',
  conntrack: 'Connection tracking',
  'conntrack-timeouts': 'Connection tracking: timeouts',
  capture: 'Capture',
  engine: 'Embedded balancer',
};

/** Knobs as the page shows them: those of `first`, then the groups of the catalogue, then those that cannot be read here. */
export function groupsOf<T extends Sorted>(knobs: readonly T[], first: ReadonlySet<string>): Group<T>[] {
  const changed = knobs.filter(({ name }) => first.has(name));
  const rest = knobs.filter(({ name }) => !first.has(name));
  const [away, there] = [rest.filter(({ problem }) => problem !== ''), rest.filter(({ problem }) => problem === '')];
  const names = [...new Set(there.map(({ group }) => group))];
  const group = (id: string, title: string, some: readonly T[], aside = false): Group<T>[] =>
    some.length === 0 ? [] : [{ id: `knobs-${id}`, title, knobs: some, aside }];
  return [
    ...group('changed', 'Changed', changed),
    ...names.flatMap((name) =>
      group(
        name,
        TITLES[name] ?? name,
        there.filter((knob) => knob.group === name),
      ),
    ),
    ...group('away', 'Not available here', away, true),
  ];
}
