import { v1 } from '../wire/proto.js';
import { CUT, OF_REASON, OF_STATE, OUTCOMES } from './outcome.js';

/** The type of an outcome in ClickHouse. */
export const OUTCOME_TYPE = `Enum8(${OUTCOMES.map(({ name, number }) => `'${name}'=${number}`).join(', ')})`;

/** An enumeration's number in SQL: comparing numbers makes no string of a column that is read for millions of rows. */
const number = (column: string): string => `CAST(${column}, 'Int8')`;

/** The number of what outcomeOf() says, of the columns reason, protocol, state and is_template of `table` (an alias with its point, or empty). */
export function outcomeNumberSql(table: string): string {
  const { timeout } = v1.EndReason.Value;
  const reason = number(`${table}reason`);
  const numberOf = (outcome: string): number => OUTCOMES.find(({ name }) => name === outcome)?.number ?? 0;
  const said = Object.entries(OF_REASON).map(
    ([name, outcome]) => [v1.EndReason.Value[name as keyof typeof v1.EndReason.Value], numberOf(outcome)] as const,
  );
  const others = `transform(${reason}, [${said.map(([from]) => from).join(', ')}], [${said.map(([, to]) => to).join(', ')}], ${numberOf('unknown')})`;
  const states = OF_STATE.map(
    ({ protocol, outcome, states: list }) =>
      `${table}protocol = ${protocol} AND ${table}state IN (${list.join(', ')}), ${numberOf(outcome)}`,
  );
  return `multiIf(${reason} != ${timeout}, ${others}, ${table}is_template, ${numberOf('idle')}, ${states.join(', ')}, ${numberOf('idle')})`;
}

/** What outcomeOf() says, as ClickHouse's Enum8. */
export function outcomeSql(table: string): string {
  return `CAST(${outcomeNumberSql(table)}, '${OUTCOME_TYPE.replaceAll("'", "\\'")}')`;
}

/** What isEstablished() says. */
export function establishedSql(table: string): string {
  const protocols = [...new Set(OF_STATE.map(({ protocol }) => protocol))];
  const not = protocols.map((protocol) => {
    const states = OF_STATE.filter((one) => one.protocol === protocol).flatMap(({ states: list }) => list);
    return `(${table}protocol = ${protocol} AND ${table}state IN (${states.sort((a, b) => a - b).join(', ')}))`;
  });
  return `NOT (${not.join(' OR ')})`;
}

/** What isCut() says. */
export function cutSql(table: string): string {
  const reasons = Object.entries(OF_REASON).flatMap(([name, outcome]) => (CUT.includes(outcome) ? [`'${name}'`] : []));
  return `(NOT ${table}is_template AND ${table}reason IN (${reasons.join(', ')}) AND ${establishedSql(table)})`;
}
