import type { Verification } from '../api/verification.js';
import { timeOf } from '../text/rfc3339.js';
import type { SourceReport } from './source-comparison.js';

/** A verification for machines: docs/json/verification.schema.json. */
export function plainVerification(report: Verification & { readonly source?: SourceReport }): unknown {
  const { spool, before, sinks, ...rest } = report;
  const { chainBreaks, ...ofSpool } = spool;
  return {
    spool: { ...ofSpool, chain_breaks: chainBreaks },
    before: before === null ? null : { ...before, since: timeOf(before.since) },
    sinks: sinks.map((sink) => ({
      ...sink,
      differences: sink.differences.map(timed),
      content: sink.content === null ? null : { ...sink.content, differences: sink.content.differences.map(timed) },
    })),
    ...rest,
    source: report.source ?? null,
  };
}

function timed<D extends { readonly hour: number }>(difference: D): Omit<D, 'hour'> & { hour: string | null } {
  return { ...difference, hour: timeOf(difference.hour * 1000) };
}
