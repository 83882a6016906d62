import { askReport, get, type ReportInfo } from '../api.ts';
import { useAnswer } from '../ask.ts';
import { useMarks } from '../balancer.ts';
import { Chart } from '../chart.tsx';
import { Problem } from '../parts.tsx';
import { piecesOf } from '../pieces.ts';
import { go, type Place } from '../route.ts';
import { ReportView } from './reports.tsx';

const SPANS = ['15m', '1h', '6h', '1d', '7d', '30d'];
const DEFAULTS = { since: '1h', limit: '100' };

/** As the form takes it: UTC, to the second. */
const clock = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19);

/** Who was on which real server: a time is brushed on the chart, the rest is in the form. */
export function Connections({ path, query }: Place) {
  const list = useAnswer('reports', (signal) => get<ReportInfo[]>('/api/reports', signal));
  const info = list.answer?.find((report) => report.name === 'who');
  // Brushing narrows what is asked, not what is brushed on: that is `span`.
  const span = query.get('span') ?? '1d';
  const churn = useAnswer(`churn ${span}`, (signal) => askReport('churn', { since: span }, signal), 15_000);
  const marks = useMarks(span);
  const plot = churn.answer?.plot;
  const to = (more: Readonly<Record<string, string>>): string => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(more)) next.set(name, value);
    return `${path}?${next}`;
  };
  return (
    <>
      <h1>Connections</h1>
      <nav class="chips" aria-label="Span">
        {SPANS.map((one) => (
          <a key={one} href={to({ span: one })} aria-current={one === span ? 'page' : undefined}>
            {one}
          </a>
        ))}
      </nav>
      {churn.error !== undefined && <Problem text={churn.error} />}
      {plot?.kind === 'lines' && (
        <Chart
          title="Begun and ended: drag over a time to search in it"
          {...piecesOf(plot)}
          marks={marks}
          onBrush={(from, until) => go(to({ since: clock(from), until: clock(until) }))}
        />
      )}
      {list.error !== undefined && <Problem text={list.error} />}
      {info !== undefined && (
        <>
          <p class="dim">{info.doc}</p>
          <ReportView info={info} query={query} path={path} defaults={DEFAULTS} kept={['span']} />
        </>
      )}
    </>
  );
}
