import { useState } from 'preact/hooks';
import { get, type KnobInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { confirm } from '../confirm.tsx';
import { Field, Problem } from '../parts.tsx';
import { change, useSession } from '../session.ts';

/** Every knob: what it does, its value, and with a token another one. */
export function Knobs() {
  const session = useSession();
  const [wanted, setWanted] = useState('');
  const [turn, setTurn] = useState(0);
  const asked = useAnswer(`knobs ${turn}`, (signal) => get<readonly KnobInfo[]>('/api/knobs', signal), 5000);
  const found = (asked.answer ?? []).filter(({ name, doc }) => `${name} ${doc}`.toLowerCase().includes(wanted.toLowerCase()));
  const groups = [...new Set(found.map(({ group }) => group))];
  return (
    <>
      <h1>Knobs</h1>
      {asked.error !== undefined && <Problem text={asked.error} />}
      {session?.settable === false && (
        <p class="dim">This console only shows. To set knobs from here, start the collector with --console-token-file.</p>
      )}
      <p class="row">
        <Field name="find">
          <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </Field>
      </p>
      {asked.answer !== undefined && found.length === 0 && <p class="dim">No knob is like that.</p>}
      {groups.map((group) => (
        <section key={group} aria-label={group}>
          <h2>{group}</h2>
          {found
            .filter((knob) => knob.group === group)
            .map((knob) => (
              <Knob key={knob.name} knob={knob} settable={session?.settable === true} onSet={() => setTurn((n) => n + 1)} />
            ))}
        </section>
      ))}
    </>
  );
}

interface Props {
  readonly knob: KnobInfo;
  readonly settable: boolean;
  onSet(): void;
}

function Knob({ knob, settable, onSet }: Props) {
  const { name, value, unit, doc, more, cost, interacts, path, problem } = knob;
  const changed = problem === '' && knob.default !== '' && value !== knob.default;
  return (
    <details class="card knob">
      <summary>
        <code>{name}</code>
        <span class={`now ${changed ? 'changed' : ''}`}>{problem === '' ? `${value} ${unit}`.trim() || '""' : '–'}</span>
        <span class="dim">{doc}</span>
      </summary>
      {problem !== '' && <p class="dim">{problem}</p>}
      {more !== '' && <p>{more}</p>}
      <p>Costs: {cost}</p>
      <p class="dim">
        Default: {knob.default || 'none'}; takes {knob.allowed || 'nothing: it cannot be set'}; <code>{path}</code>
        {interacts.length > 0 && <>; see {interacts.join(', ')}</>} ·{' '}
        <a href={`/changes?${new URLSearchParams({ name, since: '30d' })}`}>who changed it</a>
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
