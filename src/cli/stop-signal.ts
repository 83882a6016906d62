/** SIGINT, SIGTERM and SIGHUP: the first one asks for a clean end, the second one ends at once. */
export class StopSignal {
  /** Resolves to the name of the first signal. */
  readonly first: Promise<NodeJS.Signals>;
  private readonly names: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
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
        process.exit(name === 'SIGINT' ? 130 : 143);
      }
      came = true;
      resolveFirst(name);
    };
    for (const name of this.names) process.on(name, this.listener);
  }

  dispose(): void {
    for (const name of this.names) process.off(name, this.listener);
  }
}
