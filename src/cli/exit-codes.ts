/** What the exit code of every command means; docs/cli.md has the same table. The capture's own codes are mapped to nothing else: they are these. */
export const Exit = {
  /** Done. */
  ok: 0,
  /** It did not work: a query is wrong, the disk is full, ... */
  failure: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** Something is in use by another process, or nobody answers. */
  unreachable: 3,
  /** The source cannot run on this machine, or cannot do what was asked. */
  refused: 4,
  /** `verify` found that something is missing or cannot be proven. */
  incomplete: 5,
  /** The capture is there and does not take this from us. */
  denied: 6,
  /** `rs drain`: connections were still live when it ended. */
  draining: 7,
  /**
   * `verify`: nothing is missing, but a sink has not been given everything yet. `up`, `collect`, `capture`: ended as asked, and something waits in the spool or the journal for the next
   * start. `erase`: the order stays in force for what the capture still holds.
   */
  behind: 8,
} as const;

export type ExitCode = (typeof Exit)[keyof typeof Exit];
