/** How a browser gets into the console. */
export interface ConsoleLink {
  /** Works once. */
  readonly url: string;
  /** How long it works at most, s. */
  readonly seconds: number;
}
