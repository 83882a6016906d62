import type { Question } from '../knob/questions.js';
import type { Row, Values } from '../report/report.js';
import { who } from '../report/who.js';
import type { Told } from './document.js';

/** Asks the log; rows by the names of the question's columns. Rejects with a sentence. */
export type Ask = (question: Pick<Question, 'sql' | 'columns'>) => Promise<readonly Row[]>;

/** Gives connections that are open their state of now, where the capture can be asked. Rows have the columns of `report who`. */
export type WithStates = (rows: readonly Row[], values: Values) => Promise<readonly Row[]>;

/** The newest connections that were there at some moment of a time, templates aside. */
export async function newest(ask: Ask, states: WithStates, values: Values): Promise<Told[]> {
  return (await states(await ask(who.question(values)), values)).map(toldOf);
}

function toldOf(row: Row): Told {
  const number = (name: string): number | null => (row[name] === null || row[name] === undefined ? null : Number(row[name]));
  return {
    node: String(row.node),
    id: String(row.conn_id),
    client: String(row.client),
    service: String(row.service),
    real: String(row.real_server),
    begin: Number(row.begin),
    end: number('finish'),
    seconds: number('seconds'),
    outcome: String(row.outcome),
    state: String(row.state),
    bytes: Number(row.bytes),
  };
}
