import { HOME, type Placement } from './ddl.js';
import { EngineError } from './errors.js';
import type { StatementRunner } from './migrate.js';
import { quote } from './quote.js';

/**
 * `inNetwork(address, network)`: whether an address of the log is in a network, both as people write them. Addresses are stored as IPv6, where 10.0.0.1 is ::ffff:10.0.0.1, so
 * isIPAddressInRange(client_ip, '10.0.0.0/8') is never true. `address` may be an IPv6, an IPv4 or text, '' for none; `network` is one with or without a prefix length, IPv4 or IPv6.
 */
const IN_NETWORK =
  "(address, network) -> isIPAddressInRange(toString(toIPv6OrDefault(toString(address))), if(position(network, ':') = 0, concat('::ffff:', splitByChar('/', network)[1], '/', toString(96 + toUInt8(if(position(network, '/') = 0, '32', splitByChar('/', network)[2])))), if(position(network, '/') = 0, concat(network, '/128'), network)))";

const FUNCTIONS = [['inNetwork', IN_NETWORK]] as const;

/** The statements that make the functions for queries, in order. Those of a server are everybody's there: one of that name stays as it is. */
export function functionStatements({ cluster }: Placement, replace = false): string[] {
  const on = cluster === undefined ? '' : ` ON CLUSTER ${quote(cluster)}`;
  return FUNCTIONS.map(([name, body]) =>
    replace ? `CREATE OR REPLACE FUNCTION ${name}${on} AS ${body}` : `CREATE FUNCTION IF NOT EXISTS ${name}${on} AS ${body}`,
  );
}

/** Makes the functions in the embedded engine. */
export async function makeFunctions(engine: StatementRunner): Promise<void> {
  for (const sql of functionStatements(HOME, true)) await engine.write(sql);
}

/** Makes the functions that a server lacks. Whom the server does not let (CREATE FUNCTION) delivers all the same: a query that names one then says that it is not known. */
export async function offerFunctions(server: StatementRunner & { readonly placement: Placement }): Promise<void> {
  const names = FUNCTIONS.map(([name]) => quote(name)).join(', ');
  if (Number(await server.text(`SELECT count() FROM system.functions WHERE name IN (${names})`)) === FUNCTIONS.length) return;
  try {
    for (const sql of functionStatements(server.placement)) await server.write(sql);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
}
