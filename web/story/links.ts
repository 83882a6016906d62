import type { Told } from '../../src/story/document.ts';

/** The address of an endpoint without its port, `10.0.0.1` of `10.0.0.1:80`, `2001:db8::1` of `[2001:db8::1]:80`; an address stays as it is. */
export function hostOf(endpoint: string): string {
  const [, host] = /^\[([^\]]*)\](?::\d+)?$/.exec(endpoint) ?? /^([^:]*):\d+$/.exec(endpoint) ?? [];
  return host ?? endpoint;
}

/** Where a client's story is. */
export const clientStory = (address: string): string => `/story?${new URLSearchParams({ client: hostOf(address) })}`;

/** Where a connection's story is. */
export const connectionStory = ({ id, node }: Pick<Told, 'id' | 'node'>): string => `/story?${new URLSearchParams({ conn: id, node })}`;
