/** A knob of the engine, by the kernel's name. The capture knows which there are and what they may be. */
export interface Knob {
  readonly name: string;
  readonly value: string;
  /** `FILE:LINE`, `flag --knob`, or what else set it. */
  readonly origin: string;
}

/** Reads `NAME=VALUE`s. */
export function knobsOfFlags(flags: readonly string[]): { knobs: Knob[]; problems: string[] } {
  const knobs: Knob[] = [];
  const problems: string[] = [];
  for (const text of flags) {
    const [, name, value] = /^([a-z0-9_]+)=(.+)$/.exec(text) ?? [];
    if (name !== undefined && value !== undefined) knobs.push({ name, value, origin: 'flag --knob' });
    else problems.push(`flag --knob: ${JSON.stringify(text)} must be NAME=VALUE, such as expire_nodest_conn=1.`);
  }
  return { knobs, problems };
}

/** Of knobs of one name the last. */
export function lastKnobs(knobs: readonly Knob[]): Knob[] {
  return [...new Map(knobs.map((knob) => [knob.name, knob])).values()];
}

export function knobArguments(knobs: readonly Knob[]): string[] {
  return knobs.flatMap(({ name, value }) => ['--knob', `${name}=${value}`]);
}
