import type { Told } from '../../src/story/document.ts';

/** The address of an endpoint without its port: `10.0.0.1` of `10.0.0.1:80`, `2001:db8::1` of `[2001:db8::1]:80`. */
export function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** Where a client's story is. */
export const clientStory = (address: string): string => `/story?${new URLSearchParams({ client: hostOf(address) })}`;

/** Where a connection's story is. */
export const connectionStory = ({ id, node }: Pick<Told, 'id' | 'node'>): string => `/story?${new URLSearchParams({ conn: id, node })}`;

/** Who was on a real server or host. */
export const onServer = (rs: string, since = '1h'): string => `/connections?${new URLSearchParams({ rs, since })}`;
