/** What is done to a capture: SIGKILL, SIGTERM, SIGSTOP, SIGCONT by number, and whether it is gone then. */
const SIGNALS = { kill: '9 gone', stop: '15 gone', freeze: '19', thaw: '18' } as const;

/**
 * The default is 4 million connections, and once a second the kernel's table of so many places is walked: an emulated processor spends half of its time on that. No
 * scenario has more than some hundred; up-beside-ipvs has the default.
 */
const SIZE = '--max-conns 65536';

/** A capture in a guest, as what the guest's hand is told of it (guest/session.h). */
export class Capture {
  /** Its log, socket and journal are there. */
  readonly folder: string;
  readonly start: string;
  private readonly pins: string;

  /** `ns`: the network namespace in which it runs. */
  constructor(ns: 'd' | '-', folder: string, pins: string, options: string) {
    this.folder = folder;
    this.pins = pins;
    const files = `--socket ${this.socket} --journal ${folder}/capture.journal --pin-dir ${pins}`;
    this.start = `start ${ns} ${folder} vslog-capture ${files} ${SIZE} ${options}`.trim();
  }

  get socket(): string {
    return `${this.folder}/capture.sock`;
  }

  signal(what: keyof typeof SIGNALS): string {
    return `signal ${this.folder} ${SIGNALS[what]}`;
  }

  /** Ends it, and takes its programs out of the kernel and its journal away: another try begins anew. */
  get remove(): string[] {
    return [this.signal('kill'), `run - vslog-capture --detach --pin-dir ${this.pins}`, `run - rm -r ${this.folder}`];
  }
}

/** The capture that all scenarios share: it watches every network namespace. */
export const SHARED = new Capture('-', '/run/vslog', '/sys/fs/bpf/vslog', '--all-netns --node director --on-exit keep');

/** The capture of one scenario, in its director's namespace. */
export const captureOf = (name: string, options: string): Capture =>
  new Capture('d', `/run/vslog-${name}`, `/sys/fs/bpf/vslog-${name}`, `--node own ${options}`);
