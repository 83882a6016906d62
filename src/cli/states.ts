/** Names of the protocols' states, by number, as the kernel has them in include/net/ip_vs.h. */
const STATES: Readonly<Record<number, readonly string[]>> = {
  6: ['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'LISTEN', 'SYNACK'],
  17: ['NORMAL'],
  132: [
    'NONE',
    'INIT1',
    'INIT',
    'COOKIE_SENT',
    'COOKIE_REPLIED',
    'COOKIE_WAIT',
    'COOKIE',
    'COOKIE_ECHOED',
    'ESTABLISHED',
    'SHUTDOWN_SENT',
    'SHUTDOWN_RECEIVED',
    'SHUTDOWN_ACK_SENT',
    'REJECTED',
    'CLOSED',
  ],
};

/** The name of a state; a template's is a bit mask of its own. */
export function stateName(protocol: number, state: number, isTemplate: boolean): string {
  if (isTemplate) return (state & 1) === 1 ? 'ASSURED' : 'NONE';
  return STATES[protocol]?.[state] ?? String(state);
}

/** The names that a protocol's states have. */
export function stateNames(protocol: number): readonly string[] {
  return STATES[protocol] ?? [];
}
