import { outcomeText } from '../../src/outcome/words.ts';
import type { Change, Told } from '../../src/story/document.ts';
import { bytesText, durationText } from '../../src/text/format.ts';
import { clientStory, connectionStory, onServer } from './links.ts';
import { Clock, IN_ZONE, Rows } from './rows.tsx';

/** `closed`; `open, ESTABLISHED` where the state of now is known. */
export const outcomeOf = ({ outcome, state }: Pick<Told, 'outcome' | 'state'>): string =>
  outcome === 'open' && state !== '' ? `${outcomeText(outcome)}, ${state}` : outcomeText(outcome);

/** So many connections are shown until somebody asks for all. */
const MOST = 25;

/** Connections, each leading to its story. */
export function Connections({
  label,
  all,
  directors,
}: {
  readonly label: string;
  readonly all: readonly Told[];
  readonly directors: boolean;
}) {
  return (
    <Rows
      label={label}
      most={MOST}
      columns={[
        `from ${IN_ZONE}`,
        'lasted>',
        'outcome',
        'client',
        'real server',
        'virtual service',
        'bytes>',
        ...(directors ? ['director'] : []),
      ]}
      rows={all.map((one) => ({
        key: `${one.node} ${one.id}`,
        cells: [
          <a key="a" href={connectionStory(one)}>
            <Clock at={one.begin} />
          </a>,
          one.seconds === null ? '' : durationText(one.seconds),
          <span key="o" class="outcome">
            <i class={`outcome-${one.outcome}`} /> {outcomeOf(one)}
          </span>,
          <a key="c" href={clientStory(one.client)}>
            {one.client}
          </a>,
          <a key="r" href={onServer(one.real)}>
            {one.real}
          </a>,
          one.service,
          one.end === null ? '' : bytesText(one.bytes),
          ...(directors ? [one.node] : []),
        ],
      }))}
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

/** Changes, the newest first. */
export function ChangeRows({ label, all, most }: { readonly label: string; readonly all: readonly Change[]; readonly most?: number }) {
  const directors = new Set(all.map(({ node }) => node)).size > 1;
  return (
    <Rows
      label={label}
      {...(most === undefined ? {} : { most })}
      columns={[`time ${IN_ZONE}`, 'who', 'what', 'old → new', 'through', ...(directors ? ['director'] : [])]}
      rows={all.map((change, i) => ({
        key: `${change.at} ${i}`,
        class: 'change',
        cells: [
          <Clock key="at" at={change.at} />,
          <Who key="who" change={change} />,
          change.what,
          change.change,
          change.through,
          ...(directors ? [change.node] : []),
        ],
      }))}
    />
  );
}
