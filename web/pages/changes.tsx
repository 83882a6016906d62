import { get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { Problem } from '../parts.tsx';
import type { Place } from '../route.ts';
import { ReportView } from './reports.tsx';

const DEFAULTS = { since: '7d', limit: '200' };

/** Who changed what. */
export function Changes({ path, query }: Place) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const info = list.answer?.find((report) => report.name === 'changes');
  return (
    <>
      <h1>Changes</h1>
      {list.error !== undefined && <Problem text={list.error} />}
      {info !== undefined && (
        <>
          <p class="dim">{info.doc}</p>
          <ReportView info={info} query={query} path={path} defaults={DEFAULTS} />
        </>
      )}
    </>
  );
}
