import type { Target } from './collect.mjs';

/** What the engine says about one statement. */
export interface EngineAnswer {
  /** Empty where the answer is in the target's file. */
  readonly bytes: Uint8Array;
  /** Bytes in the target's file; 0: there is none. */
  readonly stored: number;
  /** Rows and bytes of the result. */
  readonly rows: number;
  readonly read: number;
  readonly seconds: number;
}

export interface EngineQuestion {
  /** Run first: USE and SET. */
  readonly statements: readonly string[];
  readonly sql: string;
  readonly format: string;
  /** Where the statement writes its answer; undefined: the engine returns it. */
  readonly target?: Target | undefined;
}

/** `onStopped`: the answer was refused while the engine still writes it. */
export function ask(dir: string, question: EngineQuestion, onStopped?: () => void): Promise<EngineAnswer>;
