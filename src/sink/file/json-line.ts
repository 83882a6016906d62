import type Long from 'long';
import { outcomeOf } from '../../outcome/outcome.js';
import type { RecordName } from '../../spool/segment.js';
import { formatAddress } from '../../wire/address.js';
import { v1 } from '../../wire/proto.js';

type ConnEvent = InstanceType<typeof v1.ConnEvent>;
type ControlEvent = InstanceType<typeof v1.ControlEvent>;

/*
 * The object that `vslog tail -o json` shows (plainEvent), written by hand: this is the one sink that decodes, and going through objects costs several times as much.
 * A unit test holds the two together, so a field that is missing here fails it.
 */

/** Makes the lines of one node's and epoch's events of a record type, each with its line feed. */
export function lineWriter(record: RecordName, node: string, epoch: string): (message: Uint8Array) => string {
  const head = `{"node":${JSON.stringify(node)},"epoch":${JSON.stringify(epoch)},"record":"${record}","kind":`;
  return record === 'conn'
    ? (message) => head + connFields(v1.ConnEvent.decode(message))
    : (message) => head + controlFields(v1.ControlEvent.decode(message));
}

function connFields(e: ConnEvent): string {
  return `${kind(v1.EventKind.Value, e.kind)},"time":"${time(e.time_ns)}","sequence":${number(e.sequence)},"conn_id":"${decimal(e.conn_id)}","protocol":${e.protocol},"family":${e.family},"client_addr":"${formatAddress(e.client_addr)}","client_port":${e.client_port},"virtual_addr":"${formatAddress(e.virtual_addr)}","virtual_port":${e.virtual_port},"real_addr":"${formatAddress(e.real_addr)}","real_port":${e.real_port},"fwmark":${e.fwmark},"forward":${word(v1.ForwardMethod.Value, e.forward)},"flags":${e.flags},"state":${e.state},"is_template":${e.is_template},"template_id":"${decimal(e.template_id)}","weight":${e.weight},"created":${timeOrNull(e.created_ns)},"duration_ns":${number(e.duration_ns)},"packets_in":${number(e.packets_in)},"bytes_in":${number(e.bytes_in)},"packets_out":${number(e.packets_out)},"bytes_out":${number(e.bytes_out)},"reason":${word(v1.EndReason.Value, e.reason)},"outcome":"${outcomeOf({ reason: e.reason, protocol: e.protocol, state: e.state, isTemplate: e.is_template })}","scheduled_by":${word(v1.ScheduledBy.Value, e.scheduled_by)},"quiesced":${e.quiesced},"drop_packets":${number(e.drop_packets)},"drop_bytes":${number(e.drop_bytes)},"drop_first":${timeOrNull(e.drop_first_ns)},"drop_last":${timeOrNull(e.drop_last_ns)},"timeout_ms":${e.timeout_ms},"netns":${e.netns},"zone":${e.zone},"mark":${e.mark},"labels":"${bits(e.labels)}"}\n`;
}

function controlFields(e: ControlEvent): string {
  return `${kind(v1.ControlKind.Value, e.kind)},"time":"${time(e.time_ns)}","sequence":${number(e.sequence)},"protocol":${e.protocol},"family":${e.family},"virtual_addr":"${formatAddress(e.virtual_addr)}","virtual_port":${e.virtual_port},"fwmark":${e.fwmark},"real_addr":"${formatAddress(e.real_addr)}","real_port":${e.real_port},"name":${JSON.stringify(e.name)},"old_value":${JSON.stringify(e.old_value)},"new_value":${JSON.stringify(e.new_value)},"uid":${e.uid},"login_uid":${e.login_uid},"pid":${e.pid},"command":${JSON.stringify(e.command)},"through":${word(v1.Through.Value, e.through)},"where":${word(v1.LossPlace.Value, e.where)},"lost":${number(e.lost)},"first":${timeOrNull(e.first_ns)},"last":${timeOrNull(e.last_ns)},"detail":${JSON.stringify(e.detail)},"netns":${e.netns},"fresh":${e.fresh},"boot_id":${JSON.stringify(e.boot_id)},"parent_pid":${e.parent_pid},"parent_command":${JSON.stringify(e.parent_command)},"loss_id":${JSON.stringify(e.loss_id)},"lost_unknown":${e.lost_unknown}}\n`;
}

/** A kind's name, or its number as a word. */
function kind(names: Readonly<Record<number, string>>, value: number): string {
  return `"${names[value] ?? value}"`;
}

/** An enumeration's word, or its number when a newer capture sent one that we do not know. */
function word(names: Readonly<Record<number, string>>, value: number): string {
  const name = names[value];
  return name === undefined ? String(value) : `"${name}"`;
}

/** A 64-bit counter as a number. */
function number({ high, low }: Long): number {
  return (high >>> 0) * 4294967296 + (low >>> 0);
}

/** 10^9 divides 2^48 and 2^32 so; with these, a 64-bit value splits at its billions in exact doubles. */
const [P48, R48] = [281_474, 976_710_656];
const [P32, R32] = [4, 294_967_296];

let billions = 0;
let rest = 0;

function split({ high, low }: Long): void {
  const [a, b] = [high >>> 16, high & 0xffff];
  const small = a * R48 + b * R32 + (low >>> 0);
  const carry = Math.floor(small / 1e9);
  billions = a * P48 + b * P32 + carry;
  rest = small - carry * 1e9;
}

/** A 64-bit value in decimal. */
function decimal(value: Long): string {
  if (value.high === 0) return String(value.low >>> 0);
  split(value);
  return billions === 0 ? String(rest) : `${billions}${padded(rest)}`;
}

let second = Number.NaN;
let secondText = '';

/** RFC 3339 with nanoseconds. */
function time(ns: Long): string {
  split(ns);
  // Of a segment's events most lie in the same second.
  if (billions !== second) {
    second = billions;
    secondText = new Date(billions * 1000).toISOString().slice(0, 19);
  }
  return `${secondText}.${padded(rest)}Z`;
}

/** The same, quoted; what is 0 is not known. */
function timeOrNull(ns: Long): string {
  return ns.high === 0 && ns.low === 0 ? 'null' : `"${time(ns)}"`;
}

function padded(nine: number): string {
  return String(nine + 1e9).slice(1);
}

/** Labels as SQL shows them: a number whose bit n is label n. */
function bits(labels: Uint8Array): string {
  let value = 0n;
  for (let i = labels.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(labels[i] ?? 0);
  return String(value);
}
