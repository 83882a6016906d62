import { useRef, useState } from 'preact/hooks';
import { plural } from '../../src/text/format.ts';
import { get, type KnobInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { confirm } from '../confirm.tsx';
import { type Group, groupsOf } from '../knob-groups.ts';
import { Field, Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { change, useSession } from '../session.ts';

/** Every knob: what it does, its value, and with a token another one. */
export function Knobs({ path, query }: Place) {
  const session = useSession();
  const wanted = query.get('find') ?? '';
  const [turn, setTurn] = useState(0);
  const asked = useAnswer(`knobs ${turn}`, (signal) => get<readonly KnobInfo[]>('/api/knobs', signal), 5000);
  // Which ones stand first is kept for as long as the page is open: a knob that is set does not jump away.
  const first = useRef<ReadonlySet<string> | undefined>(undefined);
  if (first.current === undefined && asked.answer !== undefined)
    first.current = new Set(asked.answer.filter(({ changed }) => changed).map(({ name }) => name));
  const found = (asked.answer ?? []).filter(({ name, doc }) => `${name} ${doc}`.toLowerCase().includes(wanted.toLowerCase()));
  const groups = groupsOf(found, first.current ?? new Set());
  return (
    <>
      <h1>Knobs</h1>
      {asked.error !== undefined && <Problem text={asked.error} />}
      {session?.settable === false && (
        <p class="dim">This console only shows. To set knobs from here, start the collector with --console-token-file.</p>
      )}
      <p class="row">
        <Field name="find">
          <input
            type="search"
            value={wanted}
            placeholder="name or word"
            onInput={({ currentTarget: { value } }) => go(value === '' ? path : `${path}?${new URLSearchParams({ find: value })}`, true)}
          />
        </Field>
      </p>
      {asked.answer === undefined && asked.error === undefined && <p class="dim">Asking…</p>}
      {asked.answer !== undefined && found.length === 0 && <p class="dim">No knob matches.</p>}
      {groups.length > 1 && (
        <nav class="chips" aria-label="Groups of knobs">
          {groups.map(({ id, title, knobs }) => (
            <a key={id} href={`#${id}`}>
              {title} <span class="dim">{knobs.length}</span>
            </a>
          ))}
        </nav>
      )}
      {groups.map((group) => (
        <GroupView
          key={group.id}
          group={group}
          open={wanted !== ''}
          settable={session?.settable === true}
          onSet={() => setTurn((n) => n + 1)}
        />
      ))}
    </>
  );
}

interface GroupProps {
  readonly group: Group;
  /** Something is looked for: all that was found is shown. */
  readonly open: boolean;
  readonly settable: boolean;
  onSet(): void;
}

function GroupView({ group: { id, title, knobs, aside }, open, settable, onSet }: GroupProps) {
  const list = knobs.map((knob) => <Knob key={knob.name} knob={knob} settable={settable} onSet={onSet} />);
  if (aside)
    return (
      <section id={id} class="knobs" aria-label={title}>
        <details class="aside" open={open}>
          <summary>
            <h2>{title}</h2> <span class="dim">{plural(knobs.length, 'knob')}</span>
          </summary>
          {list}
        </details>
      </section>
    );
  return (
    <section id={id} class="knobs" aria-label={title}>
      <h2>{title}</h2>
      {list}
    </section>
  );
}

interface Props {
  readonly knob: KnobInfo;
  readonly settable: boolean;
  onSet(): void;
}

function Knob({ knob, settable, onSet }: Props) {
  const { name, value, unit, doc, more, cost, interacts, path, problem, changed } = knob;
  return (
    <details class="card knob">
      <summary>
        <code>{name}</code>
        <span class={`now ${changed ? 'changed' : ''}`}>{problem === '' ? `${value} ${unit}`.trim() || '""' : '–'}</span>
        {changed && <span class="dim default">default {knob.default}</span>}
        <span class="dim doc">{doc}</span>
      </summary>
      {problem !== '' && <p class="dim">{problem}</p>}
      {more !== '' && <p>{more}</p>}
      <p>Cost: {cost}</p>
      <p class="dim">
        Default: {knob.default || 'none'}. Allowed: {knob.allowed || 'nothing, it cannot be set'}. Path: <code>{path}</code>.
        {interacts.length > 0 && <> See also {interacts.join(', ')}.</>}{' '}
        <a href={`/changes?${new URLSearchParams({ name, since: '30d' })}`}>See who changed it</a>
      </p>
      {settable && knob.settable && <Setting knob={knob} onSet={onSet} />}
    </details>
  );
}

function Setting({ knob, onSet }: { readonly knob: KnobInfo; onSet(): void }) {
  const { name, type, value, values } = knob;
  const choices = type === 'bool' ? ['0', '1'] : type === 'enum' ? values?.map((one) => one.value) : undefined;
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const next = String(new FormData(event.currentTarget).get('value') ?? '');
        confirm({
          title: `Set ${name}?`,
          text: `${name}: ${value} → ${next}. ${knob.cost}`,
          act: 'Set',
          run: async () => {
            const set = await change<{ old: string; new: string }>('/api/knobs', { name, value: next });
            onSet();
            return `${name}: ${set.old} → ${set.new}`;
          },
        });
      }}
    >
      <Field name={`new value of ${name}`}>
        {choices === undefined ? (
          <input name="value" defaultValue={value} autocomplete="off" spellcheck={false} />
        ) : (
          <select name="value">
            {choices.map((choice) => (
              <option key={choice} value={choice} selected={choice === value}>
                {choice}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button type="submit">Set</button>
    </form>
  );
}
