/** One test, as its stage told it. */
export interface TestResult {
  readonly stage: string;
  readonly name: string;
  readonly seconds: number;
  /** `flaky`: it failed, and passed at its second try; `skipped` counts as failed. */
  readonly outcome: 'passed' | 'failed' | 'flaky' | 'skipped';
  /** For what did not just pass: what was expected, what came. */
  readonly message?: string | undefined;
  /** The last lines of its processes' logs. */
  readonly logs?: string | undefined;
}

export interface StageResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** Why the stage failed beside its tests: one sentence each. */
  readonly problems: readonly string[];
  readonly tests: readonly TestResult[];
  /** File with everything that the stage printed. */
  readonly log: string;
  /** Seconds of its parts, where it tells them. */
  readonly parts?: Readonly<Record<string, number>> | undefined;
}

/** A whole run, as .cache/test/results.json has it. */
export interface RunResult {
  /** ISO 8601. */
  readonly started: string;
  readonly seconds: number;
  /** Factor on every wait, see test/support/patience.ts. */
  readonly patience: number;
  /** Load of the last minute when it began, and when it ended. */
  readonly load: readonly [number, number];
  readonly passed: number;
  readonly failed: number;
  readonly stages: readonly StageResult[];
  readonly failures: readonly TestResult[];
  readonly flaky: readonly TestResult[];
  readonly slowest: readonly TestResult[];
}
