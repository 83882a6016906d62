// What a capture of one network namespace may not tell: connections of another one that were there before it began.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v1 } from '../../src/wire/proto.js';
import { netnsOf } from '../conformance/entry.js';
import { readScenario } from '../conformance/scenario.js';
import { captureOf } from './capture.js';
import { Director } from './director.js';
import { SubscriberLog } from './event-log.js';
import type { Machine } from './machine.js';
import { attempt, type Result } from './result.js';
import { ROOT } from './setting.js';

const NAME = 'others';
/** A service in the machine's own namespace, and a connection of it: nobody listens, a datagram makes one all the same. */
const MAKE = `ip addr add 192.0.2.95/32 dev lo
ipvsadm -A -u 192.0.2.95:5353 -s rr
ipvsadm -a -u 192.0.2.95:5353 -r 192.0.2.96:5353 -m
exec {fd}<>/dev/udp/192.0.2.95/5353; echo x >&$fd; exec {fd}>&-
grep -c C000025F /proc/net/ip_vs_conn`;
const REMOVE = 'ipvsadm -D -u 192.0.2.95:5353; ip addr del 192.0.2.95/32 dev lo';

/** Starts a capture in a namespace of its own beside a connection in another one; it tells of its own namespace alone. */
export function othersUntold(machine: Machine): Promise<Result> {
  return attempt(NAME, () => told(machine), machine);
}

async function told(machine: Machine): Promise<string | undefined> {
  const capture = captureOf(NAME, '');
  const director = new Director(machine, { ...readScenario(join(ROOT, 'test/scenarios/udp-timeout.toml')), name: NAME }, capture);
  const folder = mkdtempSync(join(tmpdir(), 'vslog-vm-'));
  const log = new SubscriberLog(join(folder, 'capture.sock'), 'judge');
  await director.setUp();
  try {
    await machine.must(MAKE);
    await director.tell(capture.start);
    await machine.bridge(join(folder, 'capture.sock'), capture.socket);
    void log.follow();
    // Its own connection ends after all that was there was told.
    await director.perform([{ do: 'burst', protocol: 'udp', count: 1, from: 'c1', to: 'vip:53' }]);
    const ends = (): boolean =>
      log.entries.some((entry) => netnsOf(entry) === director.netns && entry.conn?.kind === v1.EventKind.Value.expire);
    await log.until(ends, 'the end of its own connection');
    const strange = log.entries.filter((entry) => entry.conn !== undefined && netnsOf(entry) !== director.netns);
    return strange.length === 0 ? undefined : `it tells ${strange.length} events of connections of another network namespace`;
  } finally {
    log.stop();
    rmSync(folder, { recursive: true, force: true });
    await machine.run(REMOVE);
    await director.tell(...capture.remove);
    await director.tearDown();
  }
}
