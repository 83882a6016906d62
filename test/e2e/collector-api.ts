import { join } from 'node:path';
import { ApiClient } from '../../src/api/client.js';
import type { StatusDocument } from '../../src/api/status.js';
import { until } from '../support/patience.js';

/** The collector whose socket is in this folder, asked by the test itself: a command line for each question takes a second of a processor to start. */
export function collectorOf({ dir }: { readonly dir: string }): ApiClient {
  return new ApiClient(join(dir, 'collector.sock'));
}

/** Rows of a query. */
export async function rowsOf<T>(api: ApiClient, query: string): Promise<T[]> {
  const text = (await api.sql(query, 'JSONEachRow')).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Waits until every sink has what the capture has made, at least so many events. Only for a source that has come to rest. */
export function delivered(api: ApiClient, events = 1): Promise<StatusDocument> {
  let last: StatusDocument | undefined;
  return until(
    `${events} events, delivered to every sink`,
    async () => {
      last = await api.status();
      const { counters, lag_events, spool, sinks } = last;
      return (
        counters.events >= events &&
        lag_events === 0 &&
        spool.active_events === 0 &&
        sinks.length > 0 &&
        sinks.every((sink) => sink.lag_events === 0) &&
        last
      );
    },
    { detail: () => `The last status was ${JSON.stringify(last)}.` },
  );
}
