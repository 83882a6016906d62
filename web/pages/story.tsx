import type { ClientAnswer, ConnectionStory } from '../../src/story/document.ts';
import { get } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Field, Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { ClientView } from '../story/client.tsx';
import { ConnectionView } from '../story/connection.tsx';
import { spanOf } from '../time.ts';
import { TimePicker } from '../time-picker.tsx';
import { ZONE } from '../zone.ts';
import { saidIn } from './reports.tsx';

/** Between two looks at a story that goes on, ms. */
const EVERY_MS = 30_000;
/** Since when a client is told of, where nobody says it. */
const SINCE = '24h';

/** Whose story it is, for titles. */
export function titleOf(query: URLSearchParams): string {
  const [client, conn] = [query.get('client') ?? '', query.get('conn') ?? ''];
  return client !== '' ? `Client ${client}` : conn !== '' ? `Connection ${conn}` : 'Story';
}

/** The whole story of one client, or of one connection: over services, directors and time. */
export function Story({ path, query }: Place) {
  const conn = query.get('conn') ?? '';
  const client = query.get('client') ?? '';
  if (conn !== '') return <OfConnection key={String(query)} query={query} />;
  return (
    <>
      <h1>{titleOf(query)}</h1>
      <Form path={path} query={query} />
      {client === '' ? (
        <p class="dim">Type the address of a client. Connections have stories, too: the rows of a client's story lead to them.</p>
      ) : (
        <>
          <TimePicker path={path} query={query} fallback={SINCE} />
          <OfClient query={query} />
        </>
      )}
    </>
  );
}

/** What the picker asks for: it stays when another client is asked for. */
const TIME: readonly string[] = ['since', 'until'];

function Form({ path, query }: Place) {
  const field = (name: string, label: string, hint: string, placeholder: string) => (
    <Field name={label} hint={hint}>
      <input name={name} defaultValue={query.get(name) ?? ''} placeholder={placeholder} autocomplete="off" spellcheck={false} />
    </Field>
  );
  return (
    <form
      key={`${query.get('client')} ${query.get('node')}`}
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        const next = new URLSearchParams(saidIn(event.currentTarget));
        for (const name of TIME) if (query.has(name)) next.set(name, query.get(name) ?? '');
        go(`${path}?${next}`);
      }}
    >
      {field('client', 'client', 'an address, or a network such as 192.0.2.0/24', '192.0.2.7')}
      {field('node', 'director', 'of this director', 'all')}
      <button type="submit">Show</button>
    </form>
  );
}

function OfClient({ query }: { readonly query: URLSearchParams }) {
  const span = spanOf(query, SINCE);
  const said = { client: query.get('client') ?? '', node: query.get('node') ?? '', ...span, zone: ZONE };
  const where = new URLSearchParams(Object.entries(said).filter(([, text]) => text !== ''));
  const live = span.until === '' || span.until === 'now';
  const asked = useAnswer(String(where), (signal) => get<ClientAnswer>(`/api/story?${where}`, signal), live ? EVERY_MS : undefined);
  const { answer } = asked;
  return (
    <>
      {asked.error !== undefined && <Problem text={asked.error} />}
      {answer !== undefined && (
        <div class={asked.busy && answer.client !== said.client ? 'stale' : ''}>
          <ClientView story={answer} span={span} />
        </div>
      )}
      {answer === undefined && asked.error === undefined && <p class="dim">Asking…</p>}
    </>
  );
}

function OfConnection({ query }: { readonly query: URLSearchParams }) {
  const asked = useAnswer(String(query), (signal) => get<ConnectionStory>(`/api/story?${query}`, signal), EVERY_MS);
  const { connection } = asked.answer ?? {};
  return (
    <>
      <h1>
        {connection === undefined
          ? titleOf(query)
          : `${connection.isTemplate ? 'Template' : 'Connection'} ${connection.client} → ${connection.real}`}
      </h1>
      {asked.error !== undefined && <Problem text={asked.error} />}
      {asked.answer !== undefined && <ConnectionView story={asked.answer} />}
      {asked.answer === undefined && asked.error === undefined && <p class="dim">Asking…</p>}
    </>
  );
}
