import { outcomeText } from '../../src/outcome/words.ts';
import type { ClientStory, Told } from '../../src/story/document.ts';
import { countText, durationText, plural } from '../../src/text/format.ts';
import { clockText, momentText } from '../../src/text/moment.ts';
import { ZONE } from '../zone.ts';
import { extentOf, lanesOf } from './lanes.ts';
import { connectionStory } from './links.ts';
import { outcomeOf } from './tables.tsx';

/** So many real servers are drawn. */
const LANES = 24;
/** Height of a connection with its gap, px. */
const ROW_PX = 9;

interface Props {
  readonly title: string;
  readonly connections: readonly Told[];
  /** The time that was asked for, ms. */
  readonly since: number;
  readonly until: number;
  /** The one whose story this is. */
  readonly marked?: string;
  /** Counts for the legend; default: those that are drawn. */
  readonly outcomes?: ClientStory['outcomes'];
}

const percent = (part: number): string => `${(part * 100).toFixed(3)}%`;

function counted(connections: readonly Told[]): ClientStory['outcomes'] {
  const counts = new Map<string, number>();
  for (const { outcome } of connections) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, number]) => ({ outcome, connections: number })).sort((a, b) => b.connections - a.connections);
}

/** When connections were where: a lane for each real server, coloured by outcome. The tables have the same in words. */
export function Timeline({ title, connections, since, until, marked, outcomes = counted(connections) }: Props) {
  if (connections.length === 0) return null;
  const [begin, end] = extentOf(connections, since, until);
  const lanes = lanesOf(connections, begin, end);
  const summary = `${title}: ${plural(connections.length, 'connection')} at ${plural(lanes.length, 'real server')}, ${momentText(begin, ZONE)} to ${momentText(end, ZONE)}. The table has them one by one.`;
  return (
    <figure class="card">
      <figcaption>{title}</figcaption>
      <p class="hidden">{summary}</p>
      <div class="lanes" aria-hidden="true">
        {lanes.slice(0, LANES).map((lane) => (
          <div class="lane" key={`${lane.node} ${lane.service} ${lane.real}`}>
            <span class="label" title={`${lane.real} of ${lane.service}, ${lane.node}`}>
              <b>{lane.real}</b> <span class="dim">{lane.service}</span>
            </span>
            <span class="spans" style={{ height: `${lane.rows * ROW_PX + 5}px` }}>
              {lane.bars.map(({ left, width, row, of }) => (
                // biome-ignore lint/a11y/useAnchorContent: a picture for eyes and pointers; the table has the same links in words.
                <a
                  key={of.id}
                  tabIndex={-1}
                  href={connectionStory(of)}
                  class={`outcome-${of.outcome} ${of.id === marked ? 'marked' : ''}`}
                  style={{ left: percent(left), width: percent(width), top: `${row * ROW_PX + 3}px` }}
                  title={`${of.client}: ${outcomeOf(of)}, ${clockText(of.begin, ZONE)}${of.seconds === null ? '' : `, ${durationText(of.seconds)}`}`}
                />
              ))}
            </span>
          </div>
        ))}
      </div>
      {lanes.length > LANES && <p class="dim">and {plural(lanes.length - LANES, 'more real server')} in the table</p>}
      <div class="legend ends lane-ends">
        <span>{momentText(begin, ZONE)}</span>
        <span>{momentText(end, ZONE)}</span>
      </div>
      <div class="legend">
        {outcomes.map(({ outcome, connections: number }) => (
          <span key={outcome} class="outcome">
            <i class={`outcome-${outcome}`} /> {outcomeText(outcome)} <b>{countText(number)}</b>
          </span>
        ))}
      </div>
    </figure>
  );
}
