/** Who may act in a guest at the same time: acting takes its processors, waiting for a timer of its kernel takes none. */
export class Turns {
  private free: number;
  private readonly waiting: { readonly goesOn: boolean; readonly begin: () => void }[] = [];

  constructor(atOnce: number) {
    this.free = atOnce;
  }

  /** Does it when there is a place. What goes on comes before what begins: its connections' timers may be running. */
  async act<T>(goesOn: boolean, what: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else
      await new Promise<void>((begin) => {
        this.waiting.push({ goesOn, begin });
      });
    try {
      return await what();
    } finally {
      const next = this.waiting.findIndex(({ goesOn }) => goesOn);
      const [chosen] = this.waiting.splice(Math.max(next, 0), 1);
      if (chosen === undefined) this.free++;
      else chosen.begin();
    }
  }
}
