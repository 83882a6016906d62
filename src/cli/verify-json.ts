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
      differences: sink.differences.map(({ hour, ...difference }) => ({ ...difference, hour: timeOf(hour * 1000) })),
    })),
    ...rest,
    source: report.source ?? null,
  };
}
