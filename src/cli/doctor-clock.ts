import { ApiClient } from '../api/client.js';
import { clockProblem, type StatusDocument } from '../api/status.js';
import { DAY_MS } from '../clock/believed-clock.js';
import { openClock } from '../clock/open.js';
import { ACCEPT_ADVICE, aheadText } from '../collector/clock-record.js';
import type { Values } from '../config/schema.js';
import { timeOf } from '../text/rfc3339.js';
import { type Finding, ok, warn } from './finding.js';
import { spoolDirectory } from './open-store.js';

const NEWEST =
  'SELECT toUnixTimestamp64Milli(greatest((SELECT max(time_ns) FROM conn_events), (SELECT max(time_ns) FROM control_events))) AS newest';

/** What is known of the clocks: of the collector's, the nodes' and of the newest event in the store; undefined: nobody said. */
export interface Clocks {
  readonly clock: StatusDocument['clock'];
  /** ms since 1970. */
  readonly newestMs: number | undefined;
}

/** Asks the collector; where none runs, what the last one believed is compared with this machine's clock. */
export async function clocksOf(values: Values): Promise<Clocks> {
  const api = new ApiClient(values['collector.api_socket']);
  let status: StatusDocument;
  try {
    status = await api.status();
  } catch {
    const clock = await openClock(spoolDirectory(values));
    const [believedMs, wallMs, doubt] = [clock.now(), clock.wall(), clock.doubted];
    const problem = clockProblem(believedMs, wallMs, doubt, clock.isSet) ?? null;
    return {
      clock: { believed: problem === null, time: timeOf(believedMs), shows: timeOf(wallMs), problem, nodes: [] },
      newestMs: undefined,
    };
  }
  const newest = await api
    .sql(NEWEST, 'TSV')
    .then((answer) => Number(answer.toString('utf8').trim()))
    .catch(() => undefined);
  return { clock: status.clock, newestMs: newest };
}

export function clockFindings({ clock, newestMs }: Clocks): Finding[] {
  const findings: Finding[] = [];
  if (clock.problem !== null)
    findings.push(
      warn(
        'clock',
        clock.problem,
        clock.believed ? 'Put that right: the store grows until then.' : 'Set the clock, or say that it is right: vslog clock accept.',
      ),
    );
  for (const { node, ahead_s: ahead } of clock.nodes)
    findings.push(
      warn(
        'clock',
        `events of node ${node} are ${aheadText(ahead * 1000)} the collector's clock`,
        'They waited so long, come from a recording, or the clock there is wrong: look at "date" on that machine. Nothing of them is lost.',
      ),
    );
  const now = Date.parse(clock.time);
  if (newestMs !== undefined && newestMs > now + DAY_MS)
    findings.push(
      warn(
        'clock',
        `the newest event in the store is of ${timeOf(newestMs)}, ${aheadText(newestMs - now)} the collector's clock`,
        `Some clock was wrong when it was recorded, or this one is: look at control_events of kind clock. ${ACCEPT_ADVICE}`,
      ),
    );
  return findings.length > 0 ? findings : [ok('clock', `${clock.shows}, as expected`)];
}
