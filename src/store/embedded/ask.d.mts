/** What the engine says about one statement. */
export interface EngineAnswer {
  readonly bytes: Uint8Array;
  /** Rows and bytes of the result. */
  readonly rows: number;
  readonly read: number;
  readonly seconds: number;
}

export function ask(
  dir: string,
  question: { readonly statements: readonly string[]; readonly sql: string; readonly format: string },
): Promise<EngineAnswer>;
