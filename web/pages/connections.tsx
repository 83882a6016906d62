import { get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { useMarks } from '../balancer.ts';
import { Chart } from '../chart.tsx';
import { rateSeries, useHistory } from '../history.ts';
import { connectionsOf } from '../links.ts';
import { Problem } from '../parts.tsx';
import { go, type Place } from '../route.ts';
import { spanOf, spanText, withSpan } from '../time.ts';
import { ReportView } from './reports.tsx';

const DEFAULTS = { since: '1h', limit: '500' };
/** What narrows the chart, too: its counts do not know clients and outcomes. */
const CHARTED = ['vs', 'rs', 'node'];

/** Which client was on which real server: a time is chosen on the chart, the rest is in the form. */
export function Connections({ path, query }: Place) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const info = list.answer?.find((report) => report.name === 'who');
  const filters = Object.fromEntries([...query].filter(([name, value]) => CHARTED.includes(name) && value !== ''));
  const span = spanOf(query, DEFAULTS.since);
  const history = useHistory(span, filters);
  const marks = useMarks(span);
  const unfiltered = ['client', 'outcome'].filter((name) => (query.get(name) ?? '') !== '');
  return (
    <>
      <h1>Connections</h1>
      {list.error !== undefined && <Problem text={list.error} />}
      {info !== undefined && (
        <>
          <p class="dim">{info.doc}</p>
          <ReportView info={info} query={query} path={path} defaults={DEFAULTS}>
            {history.error !== undefined && <Problem text={history.error} />}
            {history.answer !== undefined && (
              <Chart
                title={`New and ended connections per minute${unfiltered.length > 0 ? `, whatever the ${unfiltered.join(' and ')}` : ''}: drag over a time to choose it`}
                {...rateSeries(history.answer)}
                marks={marks}
                onBrush={(from, until) => go(withSpan({ path, query }, spanText(from, until)))}
                behind={(from, until) => connectionsOf(spanText(from, until), Object.fromEntries(query))}
              />
            )}
          </ReportView>
        </>
      )}
    </>
  );
}
