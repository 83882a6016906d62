import { count } from '../api/json.js';
import { type Ending, outcomeOf, outcomeText } from '../outcome/outcome.js';
import { elapsedText, wholeText } from '../text/format.js';
import { plainText, quotedText } from '../text/plain.js';
import { toBigInt, v1 } from '../wire/proto.js';
import { formatEndpoint } from './address.js';
import { type ConnEvent, kindOf, type LogEvent, protocolName } from './event.js';
import { colour } from './output.js';
import { stateName } from './states.js';

/** One line for people. */
export function prettyEvent(log: LogEvent): string {
  const kind = kindOf(log);
  const head = `${colour.dim(clock(toBigInt(log.event.time_ns)))} ${paint(kind)(kind.padEnd(11))}`;
  return `${head} ${log.record === 'conn' ? connLine(log) : controlLine(log)}\n`;
}

function connLine({ event }: Extract<LogEvent, { record: 'conn' }>): string {
  const real =
    count(event.real_port) === 0 && event.real_addr.every((byte) => byte === 0)
      ? 'no real server'
      : formatEndpoint(event.real_addr, event.real_port);
  const way = `${protocolName(event.protocol)} ${formatEndpoint(event.client_addr, event.client_port)} > ${formatEndpoint(event.virtual_addr, event.virtual_port)} > ${real}`;
  const more: string[] = [];
  if (event.fwmark !== 0) more.push(`fwmark ${event.fwmark}`);
  if (event.zone !== 0) more.push(`zone ${event.zone}`);
  if (event.mark !== 0) more.push(`mark ${event.mark}`);
  if (event.is_template) more.push('template');
  if (event.kind === v1.EventKind.Value.create) more.push(`by ${v1.ScheduledBy.Value[event.scheduled_by]}`);
  if (event.quiesced) more.push('quiesced');
  if (event.kind === v1.EventKind.Value.expire) {
    more.push(
      `${colour.bold(outcomeText(outcomeOf(endingOf(event))))} ${colour.dim(`(${v1.EndReason.Value[event.reason] ?? String(event.reason)}, ${stateName(event.protocol, event.state, event.is_template)})`)}`,
    );
    const duration = count(event.duration_ns);
    if (duration > 0) more.push(`after ${elapsedText(duration)}`);
    const [packetsIn, packetsOut] = [count(event.packets_in), count(event.packets_out)];
    // 0 means not known: IPVS counts only what comes in.
    if (packetsIn > 0) more.push(`${wholeText(packetsIn)} ${packetsIn === 1 ? 'packet' : 'packets'} in`);
    if (packetsOut > 0) more.push(`${wholeText(packetsOut)} out`);
  }
  if (event.kind === v1.EventKind.Value.nodest_drop) more.push(`${wholeText(count(event.drop_packets))} packets dropped`);
  return [way, ...more].join(', ');
}

/** What the outcome of a connection follows from. */
export function endingOf({ reason, protocol, state, is_template: isTemplate }: ConnEvent): Ending {
  return { reason, protocol, state, isTemplate };
}

/** Ways in which a process asks for a change. One that had ended when it was asked about has no command line in the log. */
const { netlink, sockopt, sysctl, vslog } = v1.Through.Value;
const ASKED: ReadonlySet<number> = new Set([netlink, sockopt, sysctl, vslog]);

function controlLine({ event }: Extract<LogEvent, { record: 'control' }>): string {
  const parts: string[] = [];
  if (event.virtual_addr.length === 16 && event.virtual_port + event.fwmark > 0) {
    parts.push(
      event.fwmark === 0
        ? `${protocolName(event.protocol)} ${formatEndpoint(event.virtual_addr, event.virtual_port)}`
        : `fwmark ${event.fwmark}`,
    );
  }
  if (event.real_addr.length === 16 && event.real_port > 0) parts.push(`real server ${formatEndpoint(event.real_addr, event.real_port)}`);
  const [name, before, after] = [event.name, event.old_value, event.new_value].map(plainText);
  if (event.name !== '') parts.push(`${name}`);
  if (event.old_value !== '' && event.new_value !== '') parts.push(`${before} -> ${after}`);
  else if (event.old_value + event.new_value !== '') parts.push(`${before}${after}`);
  if (count(event.lost) > 0) parts.push(`${wholeText(count(event.lost))} lost in ${v1.LossPlace.Value[event.where]}`);
  const program = event.command === '' && event.pid !== 0 && ASKED.has(event.through) ? 'an unknown program' : quotedText(event.command);
  if (program !== '') parts.push(`by ${program} (pid ${event.pid}, uid ${event.uid})`);
  if (event.detail !== '') parts.push(plainText(event.detail));
  return parts.join(', ');
}

function paint(kind: string): (text: string) => string {
  if (kind === 'create' || kind === 'snapshot') return colour.green;
  if (kind === 'expire') return colour.blue;
  if (kind === 'nodest_drop' || kind === 'sched_fail' || kind === 'loss') return colour.red;
  return colour.yellow;
}

/** Time of day with microseconds, local. */
function clock(ns: bigint): string {
  const date = new Date(Number(ns / 1_000_000n));
  const pad = (value: number): string => String(value).padStart(2, '0');
  const micros = String((ns / 1000n) % 1_000_000n).padStart(6, '0');
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${micros}`;
}
