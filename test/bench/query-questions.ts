import { valuesOf } from '../../src/cli/report-values.js';
import { reports } from '../../src/report/index.js';

/** What the benchmark asks: a statement that a person waits for. */
export interface Question {
  readonly name: string;
  readonly sql: string;
}

/** What else a report is told, where it is not asked about the whole week. */
const TOLD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  who: { rs: '10.2.0.15:8443' },
  rs: { rs: '10.2.0.15:8443' },
  // A question of hours, by its nature and its default.
  reuse: { since: '2h' },
};

/** The key question first: who was on a real server in five minutes of the middle of the week; then every report, of the whole week. `until`: when the history ends, seconds since 1970. */
export function questions(until: number): Question[] {
  const now = until * 1000;
  const noon = new Date(now - 84 * 3_600_000);
  const iso = (at: Date): string => at.toISOString();
  return reports.flatMap((report) => {
    const asked = (more: Readonly<Record<string, string>>): string =>
      report.question(valuesOf(report, { since: '7d', limit: '1000', ...TOLD[report.name], ...more }, now)).sql;
    if (report.name !== 'who') return [{ name: report.name, sql: asked({}) }];
    const minutes = { since: iso(noon).slice(0, 19), until: iso(new Date(noon.getTime() + 300_000)).slice(0, 19) };
    return [
      { name: 'who_key', sql: asked(minutes) },
      { name: 'who', sql: asked({}) },
      { name: 'who_client', sql: report.question(valuesOf(report, { since: '7d', client: '10.2.80.7' }, now)).sql },
    ];
  });
}
