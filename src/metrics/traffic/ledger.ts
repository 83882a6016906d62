import { Figure, type Figures } from './figures.js';
import { OTHER } from './identity.js';

/** So many series that went are remembered, so that one that comes back goes on where it was. */
const REMEMBERED = 10_000;

/** Sums of fractions differ in their last digits: so much of a sum is no difference. */
const ROUNDING = 1e-9;

/** What the store counted for one slot since some minute. */
export interface Window {
  /** Since the ledger's base. */
  readonly all: Figures;
  /** Since the next base, when there is to be one. */
  readonly rest: Figures;
}

interface Account {
  /** What was told: never goes back. */
  readonly shown: Figures;
  /** What is to be added to the window's count. */
  readonly offset: Figures;
}

/**
 * Counters out of sums over a window of minutes that moves. A minute is summed again and again while events of it may still come, so a late event counts; a count
 * that falls for a while (the store makes minutes anew after a crash) is not told. Pure: it knows neither time nor store.
 */
export class Ledger {
  private readonly accounts = new Map<string, Account>();
  private readonly pending = new Set<string>();
  private readonly gone = new Map<string, Figures>();
  /** The last window had counts of those without a series: whoever gets one now may be among them. */
  private otherHad = false;

  /** A series begins, or goes on. */
  open(slot: string): void {
    if (this.accounts.has(slot)) return;
    const shown: Figures = this.gone.get(slot) ?? new Map<number, number>();
    this.gone.delete(slot);
    this.accounts.set(slot, { shown, offset: new Map(shown) });
    this.pending.add(slot);
  }

  /** A series ends. What it counted of the window is not counted again in `other`. */
  close(slot: string): void {
    const account = this.accounts.get(slot);
    if (account === undefined) return;
    this.accounts.delete(slot);
    this.pending.delete(slot);
    const other = this.account(OTHER);
    for (const figure of new Set([...account.shown.keys(), ...account.offset.keys()]))
      shift(other.offset, figure, (account.offset.get(figure) ?? 0) - (account.shown.get(figure) ?? 0));
    this.gone.set(slot, account.shown);
    for (const oldest of this.gone.keys()) {
      if (this.gone.size <= REMEMBERED) break;
      this.gone.delete(oldest);
    }
  }

  /** Takes the sums of all slots. `begin`: what is there already is not counted. Returns whether some count fell below what was told. */
  take(windows: ReadonlyMap<string, Window>, begin = false): boolean {
    // What a new series did until now is in `other`, when others were counted there; it stays there.
    if (this.otherHad && !begin)
      for (const slot of this.pending)
        for (const [figure, sum] of windows.get(slot)?.all ?? []) {
          shift(this.account(slot).offset, figure, -sum);
          shift(this.account(OTHER).offset, figure, sum);
        }
    this.pending.clear();
    for (const slot of windows.keys()) this.account(slot);
    let fell = false;
    for (const [slot, { shown, offset }] of this.accounts) {
      const all = windows.get(slot)?.all;
      for (const figure of new Set([...(all?.keys() ?? []), ...shown.keys(), ...offset.keys()])) {
        const sum = all?.get(figure) ?? 0;
        const told = shown.get(figure) ?? 0;
        if (begin) offset.set(figure, told - sum);
        const value = (offset.get(figure) ?? 0) + sum;
        if (value > told) shown.set(figure, value);
        else if (told - value > (figure === Figure.lifetimeSeconds ? ROUNDING * (told + sum) : 0)) fell = true;
      }
    }
    this.otherHad = (windows.get(OTHER)?.all.size ?? 0) > 0;
    return fell;
  }

  /** From now on the windows begin where `rest` does. What was told stays. */
  move(windows: ReadonlyMap<string, Window>): void {
    for (const [slot, { shown, offset }] of this.accounts) {
      const rest = windows.get(slot)?.rest;
      for (const figure of new Set([...(rest?.keys() ?? []), ...shown.keys(), ...offset.keys()]))
        offset.set(figure, (shown.get(figure) ?? 0) - (rest?.get(figure) ?? 0));
    }
  }

  /** Counts what no window has. */
  add(slot: string, figure: number, count: number): void {
    if (count === 0) return;
    const { shown, offset } = this.account(slot);
    shift(shown, figure, count);
    shift(offset, figure, count);
  }

  /** What is told of a slot; undefined: there is nothing, of `other` no event either. */
  shown(slot: string): ReadonlyMap<number, number> | undefined {
    const shown = this.accounts.get(slot)?.shown;
    return slot === OTHER && shown !== undefined && [...shown.values()].every((count) => count === 0) ? undefined : shown;
  }

  private account(slot: string): Account {
    let account = this.accounts.get(slot);
    if (account === undefined) {
      account = { shown: new Map(), offset: new Map() };
      this.accounts.set(slot, account);
    }
    return account;
  }
}

function shift(figures: Figures, figure: number, by: number): void {
  if (by !== 0) figures.set(figure, (figures.get(figure) ?? 0) + by);
}
