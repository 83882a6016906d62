import { parseAddress } from '../../src/cli/address.js';
import { Administration, type ServerKey, type ServiceKey } from '../../src/wire/administration.js';
import { CaptureClient, type ConnEvent } from '../../src/wire/client.js';
import { type ConnFilter, EVERY_CONNECTION } from '../../src/wire/conn-filter.js';
import { CaptureRefusal } from '../../src/wire/errors.js';
import { v1 } from '../../src/wire/proto.js';
import { idOf } from '../conformance/entry.js';
import { WAIT_MS } from '../support/patience.js';
import type { LogOf } from './event-log.js';
import type { Machine } from './machine.js';
import { attempt, type Result } from './result.js';

const CONNECTIONS = 6;

function address(text: string): Uint8Array {
  const bytes = parseAddress(text);
  if (bytes === undefined) throw new Error(`${text} is no address`);
  return bytes;
}

const SERVICE: ServiceKey = { protocol: 17, family: 4, address: address('192.0.2.90'), port: 5353, fwmark: 0 };
const REALS: readonly [ServerKey, ServerKey] = [
  { address: address('192.0.2.91'), port: 5353 },
  { address: address('192.0.2.92'), port: 5353 },
];

const ALL: ConnFilter = { ...EVERY_CONNECTION, virtual: { address: SERVICE.address, prefix: 128, port: SERVICE.port } };

const on = ({ address, port }: ServerKey): ConnFilter => ({ ...ALL, real: { address, prefix: 128, port } });

function must(right: boolean, sentence: string): void {
  if (!right) throw new Error(sentence);
}

async function list(client: CaptureClient, filter: ConnFilter): Promise<ConnEvent[]> {
  const found: ConnEvent[] = [];
  await client.listConnections(filter, (event) => void found.push(event), WAIT_MS);
  return found;
}

/** The kernel's live connections as `conn ls` shows them, and ending some of them by what the kernel allows. */
export function expiryOnKernel(machine: Machine, socket: string, log: LogOf): Promise<Result> {
  return attempt(
    'conn-expire',
    async () => {
      const client = new CaptureClient({ path: socket, software: 'vm-test', timeoutMs: WAIT_MS });
      try {
        await listAndExpire(machine, client, log);
      } finally {
        client.close();
      }
      return undefined;
    },
    machine,
  );
}

async function listAndExpire(machine: Machine, client: CaptureClient, log: LogOf): Promise<void> {
  await client.connect();
  const administration = new Administration(client);
  await machine.must('for n in 90 91 92; do ip addr add 192.0.2.$n/32 dev lo; done');
  await administration.change({ action: 'add', service: SERVICE, settings: [{ name: 'service_scheduler', value: 'rr' }] });
  for (const real of REALS)
    await administration.change({
      action: 'add',
      service: SERVICE,
      real,
      settings: [
        { name: 'real_weight', value: '7' },
        { name: 'real_forward', value: 'masq' },
      ],
    });
  // Nobody listens: a datagram makes the connection all the same.
  await machine.must(`for i in $(seq ${CONNECTIONS}); do exec {fd}<>/dev/udp/192.0.2.90/5353; echo x >&$fd; exec {fd}>&-; done`);
  const all = await list(client, ALL);
  must(all.length === CONNECTIONS, `${all.length} of ${CONNECTIONS} connections are listed`);
  must(
    all.every((one) => one.weight === 7 && one.protocol === 17 && one.kind === v1.EventKind.Value.snapshot && idOf(one.conn_id) !== '0'),
    `one is listed as ${JSON.stringify(all[0])}`,
  );
  const made = (): Set<string> =>
    new Set(log.entries.flatMap(({ conn }) => (conn?.kind === v1.EventKind.Value.create ? [idOf(conn.conn_id)] : [])));
  await log.until(() => all.every(({ conn_id }) => made().has(idOf(conn_id))), 'the beginnings of what is listed');
  const there = await list(client, on(REALS[0]));
  const [one] = there;
  must(there.length === CONNECTIONS / 2 && one !== undefined, `${there.length} are listed on the first real server`);
  const only: ConnFilter = { ...ALL, client: { address: one?.client_addr ?? SERVICE.address, prefix: 128, port: one?.client_port } };

  const dry = await client.expireConnections(only, { dryRun: true });
  must(
    dry.matched === 1 && dry.others === CONNECTIONS / 2 - 1 && dry.ended === 0 && dry.steps.length === 3,
    `it would do ${JSON.stringify(dry)}`,
  );
  const refusal = await client.expireConnections(only).then(
    () => undefined,
    (error: unknown) => error,
  );
  must(
    refusal instanceof CaptureRefusal && /2 connections outside the filter would end/.test(refusal.message),
    `it is refused with ${String(refusal)}`,
  );
  must((await list(client, ALL)).length === CONNECTIONS, 'something ended though it was refused');

  const from = log.entries.length;
  const done = await client.expireConnections(only, { force: true, timeoutMs: WAIT_MS });
  must(done.matched === 1 && done.ended === 1 && done.others === 2, `it did ${JSON.stringify(done)}`);
  const ends = (): string[] =>
    log.entries
      .slice(from)
      .flatMap(({ conn }) =>
        conn?.kind === v1.EventKind.Value.expire && conn.reason === v1.EndReason.Value.nodest ? [idOf(conn.conn_id)] : [],
      );
  await log.until(() => there.every(({ conn_id }) => ends().includes(idOf(conn_id))), 'the ends of the connections');
  must(ends().length === there.length, `${ends().length} connections ended`);
  const left = await list(client, ALL);
  must(left.length === CONNECTIONS / 2, `${left.length} are left on the other real server`);
  const [after] = await administration.services(SERVICE);
  const settings = after?.reals.map(({ settings }) => `${settings.get('real_weight')} ${settings.get('real_forward')}`) ?? [];
  must(settings.length === 2 && settings.every((text) => text === '7 masq'), `the real servers are now: ${settings.join(', ')}`);
  const [knob] = await administration.knobs(['expire_nodest_conn']);
  must(knob?.value === '0', `expire_nodest_conn is ${knob?.value}`);
  const told = (): string[] =>
    log.entries.slice(from).flatMap(({ control }) => {
      if (control === undefined || control.through !== v1.Through.Value.vslog) return [];
      return [control.name === '' ? (v1.ControlKind.Value[control.kind] ?? '') : `${control.name}=${control.new_value}`];
    });
  const wanted = ['expire_nodest_conn=0', 'expire_nodest_conn=1', 'real_added', 'real_removed'];
  await log.until(() => wanted.every((word) => told().includes(word)), `the changes, with whom they were made for: ${told().join(', ')}`);
  await administration.change({ action: 'remove', service: SERVICE });
  await machine.must('for n in 90 91 92; do ip addr del 192.0.2.$n/32 dev lo; done');
}
