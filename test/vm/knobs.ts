import { randomInt } from 'node:crypto';
import { type Knob, knobs } from '../../src/knob/catalogue.js';
import { Administration, type KnobReading } from '../../src/wire/administration.js';
import { CaptureClient } from '../../src/wire/client.js';
import { CaptureRefusal } from '../../src/wire/errors.js';
import { v1 } from '../../src/wire/proto.js';
import type { ControlEvent, Entry } from '../conformance/entry.js';
import { WAIT_MS } from '../support/patience.js';
import type { LogOf } from './event-log.js';
import type { Machine } from './machine.js';
import { attempt, type Result } from './result.js';

/** The first word of what a kernel that is older says of a knob; and of modules that this guest has not. */
const OPTIONAL = /no such knob|not loaded|no IPVS|only source engine|no address is hashed/;

class Wrong extends Error {}

function must(right: boolean, sentence: string): void {
  if (!right) throw new Wrong(sentence);
}

/** A legal value other than that one; undefined where there is none, or where turning it would harm the guest. */
function another(knob: Knob, now: string): string | undefined {
  const near = (step: number): string => {
    const number = Number(now);
    return String(number + step <= (knob.max ?? 0) ? number + step : number - step);
  };
  switch (knob.type) {
    case 'bool':
      return now === '0' ? '1' : '0';
    case 'enum':
      return knob.values?.find(({ value }) => value !== now)?.value;
    case 'flags': {
      const words = knob.values?.slice(0, -1).map(({ value }) => value);
      return words?.join(',');
    }
    case 'int':
    case 'duration':
      return near(1);
    case 'size':
      // The kernel doubles and rounds the size of a socket's buffer, the hash table's of connection tracking.
      return near(65_536);
    case 'pair':
      return now === '2 40' ? '3 50' : '2 40';
    case 'cpulist':
      return now === '0' ? '0-1' : '0';
    default:
      return undefined;
  }
}

/** What no knob of that type takes. */
function illegal(knob: Knob): string {
  switch (knob.type) {
    case 'int':
    case 'duration':
    case 'size':
      return String((knob.max ?? 0) + 1);
    case 'pair':
      return '7';
    default:
      return 'x y z';
  }
}

const isChange = ({ control }: Entry, name: string): boolean =>
  control !== undefined && control.kind === v1.ControlKind.Value.knob_changed && control.name === name;

/** What the log says of a knob, from an entry on. */
async function changeOf(log: LogOf, from: number, name: string, newValue: string): Promise<ControlEvent> {
  const found = (entries: readonly Entry[]): Entry | undefined =>
    entries.slice(from).find((entry) => isChange(entry, name) && entry.control?.new_value === newValue);
  await log.until((entries) => found(entries) !== undefined, `the change of ${name} to ${newValue}`);
  const event = found(log.entries)?.control;
  if (event === undefined) throw new Wrong('the log lost an entry');
  return event;
}

async function refused(action: Promise<unknown>, wanted: RegExp, what: string): Promise<void> {
  try {
    await action;
  } catch (error) {
    must(error instanceof CaptureRefusal && wanted.test(error.message), `${what} is refused with: ${String(error)}`);
    return;
  }
  throw new Wrong(`${what} was taken`);
}

/** The catalogue and /proc/sys/net/ipv4/vs tell of the same knobs. */
async function compareWithKernel(machine: Machine, readings: ReadonlyMap<string, KnobReading>): Promise<void> {
  const files = (await machine.must('ls /proc/sys/net/ipv4/vs')).split(/\s+/).filter((name) => name !== '');
  must(files.length > 20, `the kernel shows only ${files.join(' ')}`);
  for (const file of files) {
    const reading = readings.get(file);
    must(
      reading !== undefined && reading.problem === '',
      `the kernel has net.ipv4.vs.${file}: ${reading?.problem ?? 'the catalogue has no such knob'}`,
    );
  }
  for (const { name, backing, path } of knobs) {
    if (backing !== 'sysctl-ipvs') continue;
    const reading = readings.get(name);
    const there = files.includes(path.split('/').at(-1) ?? '');
    must((reading?.problem === '') === there, `${name} is ${there ? '' : 'not '}there, but it reads: ${JSON.stringify(reading)}`);
  }
}

async function turnEach(administration: Administration, log: LogOf, readings: ReadonlyMap<string, KnobReading>): Promise<number> {
  let turned = 0;
  for (const knob of knobs) {
    const now = readings.get(knob.name);
    if (now === undefined || !now.settable) {
      must(
        knob.backing === 'service' || knob.backing === 'real-server' || !knob.writable || !knob.live || OPTIONAL.test(now?.problem ?? ''),
        `${knob.name}: ${JSON.stringify(now)}`,
      );
      continue;
    }
    await refused(
      administration.setKnobs([{ name: knob.name, value: illegal(knob) }]),
      new RegExp(`^${knob.name} takes .*, not `),
      `${knob.name} = ${illegal(knob)}`,
    );
    const value = another(knob, now.value);
    if (value === undefined) continue;
    const from = log.entries.length;
    const [change] = await administration.setKnobs([{ name: knob.name, value }]);
    const changed = change?.newValue ?? '';
    must(
      change?.oldValue === now.value && changed !== now.value,
      `${knob.name}: ${JSON.stringify(change)} after ${now.value}, asked for ${value}`,
    );
    const told = await changeOf(log, from, knob.name, changed);
    must(
      told.old_value === now.value && told.through === v1.Through.Value.vslog && told.uid === 0 && told.pid !== 0 && told.command !== '',
      `the log says of ${knob.name}: ${JSON.stringify(told)}`,
    );
    const [back] = await administration.setKnobs([{ name: knob.name, value: now.value }]);
    must(back?.newValue === now.value, `${knob.name} was ${now.value}, and is ${back?.newValue} after it was set back`);
    turned++;
  }
  return turned;
}

/** Whoever turns a knob without us is named too. */
async function behindOurBack(machine: Machine, log: LogOf): Promise<void> {
  const by = (event: ControlEvent, command: RegExp, through: number): void =>
    must(
      event.uid === 0 &&
        event.pid !== 0 &&
        event.parent_pid !== 0 &&
        event.parent_command !== '' &&
        command.test(event.command) &&
        event.through === through,
      `${event.name} was turned by ${String(command)}, the log says: ${JSON.stringify(event)}`,
    );
  let from = log.entries.length;
  const wanted = String(randomInt(2000, 3000));
  await machine.must(`sysctl -w net.ipv4.vs.amemthresh=${wanted}; echo 1 >/proc/sys/net/ipv4/vs/expire_nodest_conn`);
  const sysctl = await changeOf(log, from, 'amemthresh', wanted);
  by(sysctl, /^sysctl -w net\.ipv4\.vs\.amemthresh[= ]/, v1.Through.Value.sysctl);
  must(sysctl.old_value === '1024', `amemthresh was ${sysctl.old_value}`);
  by(await changeOf(log, from, 'expire_nodest_conn', '1'), /sh/, v1.Through.Value.sysctl);
  from = log.entries.length;
  await machine.must('ipvsadm --set 901 0 301');
  by(await changeOf(log, from, 'timeout_tcp', '901'), /^ipvsadm --set 901 0 301/, v1.Through.Value.netlink);
  const udp = await changeOf(log, from, 'timeout_udp', '301');
  must(udp.old_value === '300', `timeout_udp was ${udp.old_value}`);
  must(
    !log.entries.slice(from).some((entry) => isChange(entry, 'timeout_tcpfin')),
    'timeout_tcpfin was left as it is, but the log says that it changed',
  );
  // The defence's own way between 1 and 2 is no change.
  from = log.entries.length;
  await machine.must('sysctl -w net.ipv4.vs.drop_entry=1');
  await changeOf(log, from, 'drop_entry', '1');
  await machine.must('sysctl -w net.ipv4.vs.amemthresh=2147483647');
  // time: between two looks, for as long as it takes
  await machine.must('until [ $(cat /proc/sys/net/ipv4/vs/drop_entry) = 2 ]; do sleep 0.2; done');
  await machine.must(
    // time: some rounds of the defence, of which nothing may come
    'sleep 3; sysctl -w net.ipv4.vs.amemthresh=1024 net.ipv4.vs.drop_entry=0 net.ipv4.vs.expire_nodest_conn=0; ipvsadm --set 900 120 300',
  );
  await changeOf(log, from, 'timeout_tcp', '900');
  must(
    !log.entries.slice(from).some((entry) => isChange(entry, 'drop_entry') && entry.control?.new_value === '2'),
    'the log calls the defence’s own switching a change',
  );
}

/** All or nothing: the last one is refused by the kernel alone. */
async function allOrNothing(administration: Administration): Promise<void> {
  await refused(
    administration.setKnobs([
      { name: 'expire_nodest_conn', value: '1' },
      { name: 'est_cpulist', value: '4000' },
    ]),
    /est_cpulist.*(What was set before it was put back|cannot be set)/,
    'a list of processors that are not there',
  );
  const [after] = await administration.knobs(['expire_nodest_conn']);
  must(after?.value === '0', 'expire_nodest_conn was not put back');
}

const KEY = {
  protocol: 6,
  family: 4,
  address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 80),
  port: 80,
  fwmark: 0,
} as const;
const REAL = { address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 81), port: 8080 };

/** Virtual services and real servers over the kernel's netlink. */
async function services(machine: Machine, administration: Administration, log: LogOf): Promise<void> {
  const control = async (kind: keyof typeof v1.ControlKind.Value, from: number, through: number): Promise<ControlEvent> => {
    const found = (entries: readonly Entry[]): Entry | undefined =>
      entries.slice(from).find((entry) => entry.control?.kind === v1.ControlKind.Value[kind]);
    await log.until((entries) => found(entries) !== undefined, `${kind} in the log`);
    const event = found(log.entries)?.control;
    must(event?.through === through && event.uid === 0 && event.command !== '', `${kind}: ${JSON.stringify(event)}`);
    return event as ControlEvent;
  };
  const { vslog, netlink } = v1.Through.Value;
  let from = log.entries.length;
  await administration.change({
    action: 'add',
    service: KEY,
    settings: [
      { name: 'service_scheduler', value: 'rr' },
      { name: 'service_timeout', value: '60' },
    ],
  });
  await control('service_added', from, vslog);
  await refused(administration.change({ action: 'add', service: KEY }), /there already/, 'a service that is there');
  await administration.change({
    action: 'add',
    service: KEY,
    real: REAL,
    settings: [
      { name: 'real_weight', value: '3' },
      { name: 'real_forward', value: 'masq' },
      { name: 'real_upper', value: '100' },
      { name: 'real_lower', value: '80' },
    ],
  });
  await control('real_added', from, vslog);
  const [listed] = await administration.services(KEY);
  must(
    listed?.settings.get('service_scheduler') === 'rr' &&
      listed.settings.get('service_timeout') === '60' &&
      listed.reals[0]?.settings.get('real_weight') === '3',
    `it is listed as ${JSON.stringify(listed)}`,
  );
  const seen = await machine.must('ipvsadm -Ln; ipvsadm -Ln --thresholds');
  must(
    /192\.0\.2\.80:80 rr persistent 60/.test(seen) && /192\.0\.2\.81:8080 +Masq +3/.test(seen) && /192\.0\.2\.81:8080 +100 +80/.test(seen),
    `ipvsadm says:\n${seen}`,
  );
  from = log.entries.length;
  const { oldValue, newValue } = await administration.change({
    action: 'set',
    service: KEY,
    real: REAL,
    settings: [{ name: 'real_weight', value: '0' }],
  });
  must(
    oldValue === 'weight=3 forward=masq upper=100 lower=80' && newValue === 'weight=0 forward=masq upper=100 lower=80',
    `${oldValue} became ${newValue}`,
  );
  const quiesced = await control('real_changed', from, vslog);
  must(
    quiesced.old_value === oldValue && quiesced.new_value === newValue,
    `the log says ${quiesced.old_value} became ${quiesced.new_value}`,
  );
  from = log.entries.length;
  await machine.must('ipvsadm -e -t 192.0.2.80:80 -r 192.0.2.81:8080 -m -w 5');
  const edited = await control('real_changed', from, netlink);
  must(/^ipvsadm -e -t 192\.0\.2\.80:80/.test(edited.command), `ipvsadm was ${edited.command}`);
  await refused(
    administration.change({ action: 'set', service: KEY, settings: [{ name: 'service_scheduler', value: 'best' }] }),
    /service_scheduler takes rr, /,
    'a scheduler that there is not',
  );
  from = log.entries.length;
  await administration.change({ action: 'remove', service: KEY, real: REAL });
  await control('real_removed', from, vslog);
  await administration.change({ action: 'remove', service: KEY });
  await control('service_removed', from, vslog);
  await refused(administration.services(KEY), /there is no virtual service/, 'a service that is gone');
}

/** The knobs of the real kernel, in the namespace in which the capture runs. */
export function knobsOfKernel(machine: Machine, socket: string, log: LogOf): Promise<Result> {
  return attempt(
    'knobs',
    async () => {
      const client = new CaptureClient({ path: socket, software: 'vm-test', timeoutMs: WAIT_MS });
      try {
        await machine.must('modprobe -a ip_vs_lblc ip_vs_lblcr nf_conntrack');
        await client.connect();
        const administration = new Administration(client);
        const readings = new Map((await administration.knobs()).map((reading) => [reading.name, reading]));
        await compareWithKernel(machine, readings);
        const turned = await turnEach(administration, log, readings);
        must(turned >= 50, `only ${turned} knobs were turned`);
        await behindOurBack(machine, log);
        await allOrNothing(administration);
        await services(machine, administration, log);
      } finally {
        client.close();
      }
      return undefined;
    },
    machine,
  );
}
