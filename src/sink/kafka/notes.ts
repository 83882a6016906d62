import type { ContentsNotes } from './contents.js';

/** What there is to tell of deliveries. */
export interface DeliveryNotes {
  /** Of what is compared with the state on disk; undefined: nothing is. */
  readonly comparing: ContentsNotes | undefined;
  readonly contents: ContentsNotes | undefined;
  /** Why each segment is looked up, words for "since ..."; undefined: none is. */
  readonly why: string | undefined;
  /** Topics that are not what they were. */
  readonly changed: readonly string[];
  /** Events that were sent although a topic may have had them once, by topic. */
  readonly unproven: ReadonlyMap<string, number>;
}

/** Sentences for people: what takes longer than usual, and what cannot be proven. */
export function sentencesOf({ comparing, contents, why, changed, unproven }: DeliveryNotes): string[] {
  const notes: string[] = [];
  if (comparing?.reading !== undefined)
    notes.push(
      `What came to topic ${comparing.reading.topic} since it was last written to is compared with what is noted here: ${percent(comparing.reading.share)} is read.`,
    );
  if (why !== undefined) {
    const { reading, found = 0 } = contents ?? {};
    const progress = reading === undefined ? '' : ` Topic ${reading.topic} is being read: ${percent(reading.share)}.`;
    notes.push(`Each segment is looked up in its topic before it is sent, since ${why}: ${found} events were there already.${progress}`);
  }
  for (const topic of changed)
    notes.push(
      `Topic ${topic} was made anew, or has lost what it had confirmed: what was delivered before may be missing there. "vslog replay --sink kafka" brings what the spool still has of it.`,
    );
  for (const [topic, events] of unproven)
    notes.push(
      `Topic ${topic} has deleted messages that could tell whether it had what comes now: ${events} events were sent that whoever has read it may have got before.`,
    );
  return notes;
}

/** Of 1. */
function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
