import type { Row, Values } from '../report/report.js';
import { CaptureClient } from '../wire/client.js';
import { type ConnFilter, EVERY_CONNECTION, type Place } from '../wire/conn-filter.js';
import { toBigInt } from '../wire/proto.js';
import { stateName } from './states.js';

/** A table of millions may take longer: then a person reads `open` alone, ms. */
const PATIENCE_MS = 3000;

/**
 * Rows of connections (columns outcome, state, conn_id, node) with the state of now in those that are open. A row stays as it is where the capture does not have the
 * connection, is another director's, or cannot be asked: that is no error.
 */
export async function withLiveStates(socket: string, rows: readonly Row[], values: Values): Promise<readonly Row[]> {
  const open = new Set(rows.flatMap(({ outcome, conn_id: id }) => (outcome === 'open' ? [String(id)] : [])));
  if (open.size === 0) return rows;
  const client = new CaptureClient({ path: socket, software: 'vslog report', timeoutMs: PATIENCE_MS });
  try {
    const { node } = await client.connect();
    const states = new Map<string, string>();
    for (const filter of filtersOf(values))
      await client.listConnections(
        filter,
        (event) => {
          const id = String(toBigInt(event.conn_id));
          if (open.has(id)) states.set(id, stateName(event.protocol, event.state, event.is_template));
        },
        PATIENCE_MS,
      );
    return rows.map((row) =>
      row.outcome === 'open' && row.node === node ? { ...row, state: states.get(String(row.conn_id)) ?? row.state } : row,
    );
  } catch {
    return rows;
  } finally {
    client.close();
  }
}

function filtersOf({ client, real, service }: Values): ConnFilter[] {
  const each = (places: readonly Place[] | undefined): readonly (Place | undefined)[] => places ?? [undefined];
  const virtuals: readonly (Place | undefined)[] = service !== undefined && 'places' in service ? service.places : [undefined];
  const rest =
    service === undefined ? {} : 'places' in service ? { protocol: service.protocol } : { fwmark: service.mark, family: service.family };
  return each(client).flatMap((one) =>
    each(real).flatMap((server) =>
      virtuals.map((virtual) => ({ ...EVERY_CONNECTION, ...rest, template: false, client: one, real: server, virtual })),
    ),
  );
}
