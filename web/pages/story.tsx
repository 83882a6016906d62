import type { ClientAnswer, ConnectionStory } from '../../src/story/document.ts';
import { get } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Field, Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { ClientView } from '../story/client.tsx';
import { ConnectionView } from '../story/connection.tsx';
import { ZONE } from '../zone.ts';
import { saidIn } from './reports.tsx';

/** Between two looks at a story that goes on, ms. */
const EVERY_MS = 30_000;

/** Whose story it is, for titles. */
export function titleOf(query: URLSearchParams): string {
  const [client, conn] = [query.get('client') ?? '', query.get('conn') ?? ''];
  return client !== '' ? `Client ${client}` : conn !== '' ? `Connection ${conn}` : 'Story';
}

/** The whole story of one client, or of one connection: over services, directors and time. */
export function Story({ path, query }: Place) {
  const conn = query.get('conn') ?? '';
  const client = query.get('client') ?? '';
  return (
    <>
      {conn === '' && <h1>{titleOf(query)}</h1>}
      {conn === '' && <Form path={path} query={query} />}
      {conn !== '' ? (
        <OfConnection key={String(query)} query={query} />
      ) : client === '' ? (
        <p class="dim">
          Type the address of a client. Connections have their stories, too: every row of <a href="/connections">Connections</a> leads to
          one.
        </p>
      ) : (
        <OfClient key={String(query)} query={query} />
      )}
    </>
  );
}

function Form({ path, query }: Place) {
  const field = (name: string, label: string, hint: string, placeholder: string) => (
    <Field name={label} hint={hint}>
      <input name={name} defaultValue={query.get(name) ?? ''} placeholder={placeholder} autocomplete="off" spellcheck={false} />
    </Field>
  );
  return (
    <form
      key={String(query)}
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        go(`${path}?${new URLSearchParams(saidIn(event.currentTarget))}`);
      }}
    >
      {field('client', 'client', 'an address, or a network such as 192.0.2.0/24', '192.0.2.7')}
      {field('since', 'since', 'from then on: 15m, 2h30m, 12:00, yesterday, ...', '7d')}
      {field('until', 'until', 'up to then, written as since', 'now')}
      {field('node', 'director', 'of this director', 'all')}
      <button type="submit">Show</button>
    </form>
  );
}

function OfClient({ query }: { readonly query: URLSearchParams }) {
  const asked = useAnswer(
    String(query),
    (signal) => get<ClientAnswer>(`/api/story?${new URLSearchParams([...query, ['zone', ZONE]])}`, signal),
    (query.get('until') ?? '') === '' ? EVERY_MS : undefined,
  );
  return (
    <>
      {asked.error !== undefined && <Problem text={asked.error} />}
      {asked.answer !== undefined && <ClientView story={asked.answer} />}
      {asked.answer === undefined && asked.error === undefined && <p class="dim">Asking…</p>}
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
