// What no scenario can see, because it is over by then: events that come after the story was told whole.
import { v1 } from '../../src/wire/proto.js';
import { type Entry, idOf } from '../conformance/entry.js';
import { Story } from '../conformance/story.js';
import { isMarker } from './director.js';
import { attempt, type Result } from './result.js';
import type { Stage } from './runner.js';

/** Events of connections in a scenario's namespace after its last mark, until the number of the namespace is given anew: the next scenario begins with a mark. */
function after(told: readonly Entry[], last: bigint): Entry[] {
  const later = told.filter(({ sequence }) => sequence > last);
  const next = later.findIndex(({ control }) => control?.kind === v1.ControlKind.Value.service_added && isMarker(control.fwmark));
  return later.slice(0, next < 0 ? undefined : next).filter(({ conn }) => conn !== undefined);
}

/** Connections that end more often than once, or without a beginning. */
function endedWrongly(entries: readonly Entry[]): string[] {
  const kinds = v1.EventKind.Value;
  const open = new Set<string>();
  const wrong: string[] = [];
  for (const { sequence, conn } of entries) {
    if (conn === undefined) continue;
    const id = idOf(conn.conn_id);
    if (conn.kind === kinds.create || conn.kind === kinds.snapshot) open.add(id);
    if (conn.kind === kinds.expire && !open.delete(id)) wrong.push(`connection ${id} ends at sequence ${sequence}, where it is not open`);
  }
  return wrong;
}

/** After all scenarios: nothing was told late, and nothing twice. */
export function nothingLate(stage: Stage): Promise<Result> {
  return attempt('nothing-late', async () => {
    const late = stage.ended.flatMap(({ scenario, netns, last }) =>
      Story.tell(after(stage.log.of(netns), last)).map((line) => `after ${scenario} was over: ${line}`),
    );
    const wrong = [...late, ...endedWrongly(stage.log.entries)];
    return wrong.length === 0 ? undefined : `${wrong.length} events, the first of them:\n${wrong.slice(0, 20).join('\n')}`;
  });
}
