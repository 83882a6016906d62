import { constants } from 'node:os';

/** What asks a command that goes on to end. */
export const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** How long something that was not closed, such as a connection that hangs, keeps the process at the end, ms. */
const LINGER_MS = 5000;

/**
 * SIGINT, SIGTERM and SIGHUP: the first one asks for a clean end, the second one ends at once. To be made when there is something to end cleanly: until then the signal's own way holds, which
 * is to end the process at once, also while it waits in a system call. What is open by then is made to outlive that.
 */
export class StopSignal {
  /** Resolves to the name of the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  private readonly listener: (name: NodeJS.Signals) => void;

  /** `atOnce` runs at the second signal, just before the process exits. */
  constructor(atOnce: () => void) {
    let came = false;
    let resolveFirst: (name: NodeJS.Signals) => void = () => undefined;
    this.first = new Promise((resolve) => {
      resolveFirst = resolve;
    });
    this.listener = (name) => {
      if (came) {
        atOnce();
        process.exit(128 + constants.signals[name]);
      }
      came = true;
      resolveFirst(name);
    };
    for (const name of STOP_SIGNALS) process.on(name, this.listener);
  }

  /** All is closed: signals are themselves again, and what hangs nevertheless keeps the process for a moment only. */
  dispose(): void {
    for (const name of STOP_SIGNALS) process.off(name, this.listener);
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

/** The first process of a container is not ended by a signal unless it says so: until a StopSignal takes over this one says so. Returns what ends that. */
export function endAtOnceUntilStarted(): () => void {
  if (process.pid !== 1) return () => undefined;
  const listener = (name: NodeJS.Signals): never => process.exit(128 + constants.signals[name]);
  for (const name of STOP_SIGNALS) process.on(name, listener);
  return () => {
    for (const name of STOP_SIGNALS) process.off(name, listener);
  };
}
