import './story.css';
import { outcomeText } from '../../src/outcome/words.ts';
import type { Change, Told } from '../../src/story/document.ts';
import { bytesText, durationText } from '../../src/text/format.ts';
import { connectionsOf } from '../links.ts';
import { type Cell, Table } from '../table.tsx';
import { spanText } from '../time.ts';
import { clock, columnsOf, IN_ZONE } from './cells.ts';
import { clientStory, connectionStory } from './links.ts';

/** `closed`; `open, ESTABLISHED` where the state of now is known. */
export const outcomeOf = ({ outcome, state }: Pick<Told, 'outcome' | 'state'>): string =>
  outcome === 'open' && state !== '' ? `${outcomeText(outcome)}, ${state}` : outcomeText(outcome);

/** An outcome with its colour in the picture. */
export function Outcome({ of }: { readonly of: Pick<Told, 'outcome' | 'state'> }) {
  return (
    <span class="outcome">
      <i class={`outcome-${of.outcome}`} /> {outcomeOf(of)}
    </span>
  );
}

interface ConnectionsProps {
  readonly label: string;
  readonly all: readonly Told[];
  /** More than one: which it was is told. */
  readonly directors: boolean;
  /** Where all of them are as CSV. */
  readonly csv?: string;
}

/** Connections, each leading to its story. */
export function Connections({ label, all, directors, csv }: ConnectionsProps) {
  const titles = ['lasted>', 'outcome', 'client', 'real server', 'virtual service', 'bytes>'];
  return (
    <Table
      label={label}
      {...(csv === undefined ? {} : { csv })}
      columns={columnsOf(`from ${IN_ZONE}`, ...titles, ...(directors ? ['director'] : []))}
      cells={all.map((one): Cell[] => [
        { ...clock(one.begin), href: connectionStory(one) },
        one.seconds === null ? '' : { text: durationText(one.seconds), value: one.seconds },
        { text: outcomeOf(one), view: <Outcome of={one} /> },
        { text: one.client, href: clientStory(one.client) },
        { text: one.real, href: connectionsOf(spanText(one.begin / 1000, (one.end ?? Date.now()) / 1000), { rs: one.real }) },
        one.service,
        one.end === null ? '' : { text: bytesText(one.bytes), value: one.bytes },
        ...(directors ? [one.node] : []),
      ])}
    />
  );
}

/** Who made a change: in short, and the whole behind it. */
export function Who({ change: { who, whole } }: { readonly change: Change }) {
  if (whole === who) return <>{who}</>;
  return (
    <details class="whole">
      <summary title={whole}>{who}</summary>
      {whole}
    </details>
  );
}

interface ChangesProps {
  readonly label: string;
  readonly all: readonly Change[];
  /** Where all of them are as CSV. */
  readonly csv?: string;
}

/** Changes, the newest first. */
export function ChangeRows({ label, all, csv }: ChangesProps) {
  const directors = new Set(all.map(({ node }) => node)).size > 1;
  return (
    <div class="changes">
      <Table
        label={label}
        {...(csv === undefined ? {} : { csv })}
        columns={columnsOf(`time ${IN_ZONE}`, 'who', 'what', 'old → new', 'through', ...(directors ? ['director'] : []))}
        cells={all.map((change): Cell[] => [
          clock(change.at),
          { text: change.who, value: change.whole, view: <Who change={change} /> },
          { text: change.what, view: change.what },
          { text: change.change, view: change.change },
          change.through,
          ...(directors ? [change.node] : []),
        ])}
      />
    </div>
  );
}
