import { parseListen } from '../listen/address.js';
import { type CommandName, int, path, text } from './option.js';

const collector: readonly CommandName[] = ['collect', 'up'];

/** `[metrics]`: what a monitoring system asks. */
export const metricsOptions = {
  'metrics.listen': text({
    default: '127.0.0.1:9466',
    doc: 'Where the collector answers `/metrics` for Prometheus, `/healthz` and `/readyz`; empty: nowhere.',
    more: 'Elsewhere than on loopback only with a `metrics.token_file`. When the address is taken and was not asked for, the collector says so and goes on without.',
    flag: 'metrics-listen',
    commands: collector,
  }),
  'metrics.token_file': path({
    default: '',
    defaultDoc: 'none: `reader.token` and those of `console.token_file` count',
    doc: 'A file whose first line is a token for `/metrics` and nothing else, besides those that count everywhere.',
    more: 'Prometheus: `authorization: {credentials_file: ...}`. `/healthz` says nothing but that the collector lives, and on loopback `/readyz` says without a token only whether it is ready. It is read at the start.',
    flag: 'metrics-token-file',
    commands: collector,
  }),
  'metrics.series': int({
    default: 200,
    min: 0,
    max: 5000,
    unit: 'of each kind',
    doc: 'So many virtual services, and so many real servers, have series of their own in `/metrics`; 0: none has, and nothing is counted for them.',
    more: 'The others are counted together as `other`. The collector logs when that begins; `vslog status` and `vslog_traffic_other` say how many they are. A real server is about 33 series, 3 kB of a scrape. For a node with 3,000 real servers set it to 3000 when Prometheus has room for 100,000 series of each node.',
    flag: 'metrics-series',
    commands: collector,
  }),
};

/** What is wrong with a value, as the end of a sentence; undefined when nothing is. */
export function metricsFlaw(key: string, value: string | number | boolean): string | undefined {
  if (key !== 'metrics.listen' || value === '' || parseListen(String(value)) !== undefined) return undefined;
  return `is ${JSON.stringify(value)}: it must be like 127.0.0.1:9466 or [::1]:9466, or empty`;
}
