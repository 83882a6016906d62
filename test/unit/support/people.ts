import { parseNetwork } from '../../../src/cli/address.js';
import type { EraseTarget, Network, Sides } from '../../../src/erase/target.js';
import type { RecordName } from '../../../src/spool/segment.js';
import { parseAddress } from '../../../src/wire/address.js';
import type { Batch } from '../../../src/wire/batch.js';
import { crc32c } from '../../../src/wire/crc32c.js';
import { toLong, v1 } from '../../../src/wire/proto.js';
import { EPOCH } from './batches.js';

/** Wall clock of the first event of makePeople, ns. */
export const BEGIN = 1_700_000_000_000_000_000n;

export function network(text: string): Network {
  const found = parseNetwork(text);
  if (found === undefined) throw new Error(`${text} is no network.`);
  return [Buffer.from(found.first).toString('hex'), Buffer.from(found.last).toString('hex')];
}

/** Whom to erase, by the rule of capture.hidden_sides = "auto" where nothing else is said. */
export function targetOf(people: readonly string[], more: Partial<Sides> & { before?: bigint } = {}): EraseTarget {
  const { before = BEGIN * 2n, ...sides } = more;
  return {
    networks: people.map(network),
    beforeNs: String(before),
    sides: { client: true, virtual: true, real: true, auto: true, own: [network('127.0.0.0/8')], ...sides },
  };
}

export const bytesOf = (address: string): Uint8Array => parseAddress(address) ?? new Uint8Array(16);

/** A batch of one event of a connection of each of these clients, with sequences from `first`. */
export function makePeople(first: bigint, clients: readonly string[], record: RecordName = 'conn'): Batch {
  const events = clients.map((client, i) => {
    const sequence = first + BigInt(i);
    const time_ns = toLong(BEGIN + sequence);
    return record === 'conn'
      ? v1.ConnEvent.encodeDelimited({
          ...{
            kind: v1.EventKind.Value.expire,
            time_ns,
            sequence: toLong(sequence),
            conn_id: toLong(sequence + 1000n),
            protocol: 6,
            family: 4,
          },
          ...{ client_addr: bytesOf(client), client_port: 40_000, virtual_addr: bytesOf('192.0.2.1'), virtual_port: 80 },
          ...{ real_addr: bytesOf('10.0.0.7'), real_port: 8080, duration_ns: toLong(5n), reason: v1.EndReason.Value.timeout },
        }).finish()
      : v1.ControlEvent.encodeDelimited({
          ...{ kind: v1.ControlKind.Value.knob_changed, time_ns, sequence: toLong(sequence), name: 'drop_entry' },
          command: `vslog knob set drop_entry=1 --for ${client}`,
        }).finish();
  });
  const body = Buffer.concat(events);
  const count = clients.length;
  return {
    ...{ record, node: 'node-a', epoch: EPOCH, first, last: first + BigInt(count) - 1n, count },
    ...{ crc32c: crc32c(body), filtered: false, body },
  };
}
