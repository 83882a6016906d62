import { ApiClient } from '../../api/client.js';
import type { Question } from '../../knob/questions.js';

/** Rows of an answer, by the names of the columns. */
export type Row = Readonly<Record<string, unknown>>;

/** Asks the collector. Rejects as ApiClient does. */
export async function askLog(socket: string, question: Question): Promise<Row[]> {
  const answer = await new ApiClient(socket).sql(question.sql, 'JSONCompact');
  const { data } = JSON.parse(answer.toString('utf8')) as { data: readonly (readonly unknown[])[] };
  return data.map((cells) => Object.fromEntries(question.columns.map((name, at) => [name, cells[at]])));
}
