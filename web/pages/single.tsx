import { get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Problem } from '../parts.tsx';
import type { Place } from '../route.ts';
import { ReportView } from './reports.tsx';

/** A page that is one report. */
function Single({
  name,
  title,
  query,
  path,
  defaults,
}: Place & { readonly name: string; readonly title: string; readonly defaults?: Readonly<Record<string, string>> }) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const info = list.answer?.find((report) => report.name === name);
  return (
    <>
      <h1>{title}</h1>
      {list.error !== undefined && <Problem text={list.error} />}
      {info !== undefined && (
        <>
          <p class="dim">{info.doc}</p>
          <ReportView info={info} query={query} path={path} {...(defaults === undefined ? {} : { defaults })} />
        </>
      )}
    </>
  );
}

/** Who was on which real server. */
export const Connections = (place: Place) => <Single {...place} name="who" title="Connections" defaults={{ since: '1h', limit: '200' }} />;
/** Who changed what. */
export const Changes = (place: Place) => <Single {...place} name="changes" title="Changes" defaults={{ since: '7d', limit: '200' }} />;
