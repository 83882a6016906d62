/** An address to listen at. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** Reads `127.0.0.1:8123` or `[::1]:8123`; undefined when the text is none of these. */
export function parseListen(text: string): ListenAddress | undefined {
  const [, six, host, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const name = six ?? host;
  return name === undefined || Number(port) > 65_535 ? undefined : { host: name, port: Number(port) };
}
