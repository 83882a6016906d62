import type { Config } from '../config/load.js';
import { Demonstration } from '../demo/demonstration.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type CapturePlan, checkCapture } from './native.js';

/** What else a person may try when a source cannot run here. */
export const ADVICE =
  'What else to try: "vslog doctor" says what this machine lacks; "vslog up --source engine" is a balancer that runs anywhere; "npm run demo:vm" watches a real ip_vs in a virtual machine.';

/** The source of a configuration, chosen and tried. */
export interface ChosenSource {
  readonly plan: CapturePlan;
  /** Why it is not ipvs, when that was to be tried: the capture's sentence. */
  readonly instead: string | undefined;
  /** Runs when source engine has nothing configured to balance. */
  readonly demonstration: Demonstration | undefined;
}

/** Chooses the source, and asks the capture whether it would take all this. Throws Failure, and then nothing runs. */
export async function chooseSource(config: Config): Promise<ChosenSource> {
  const { values, services, knobs } = config;
  const asked = values['capture.source'];
  let instead: string | undefined;
  if (asked === 'auto') {
    const plan = { values, source: 'ipvs', services, knobs } as const;
    const answer = checkCapture(plan);
    if (answer.code === Exit.ok) return { plan, instead: undefined, demonstration: undefined };
    if (answer.code !== Exit.refused) throw new Failure(answer.code, answer.sentence);
    instead = answer.sentence;
  }
  const source = asked === 'auto' ? 'engine' : asked;
  if (source !== 'engine' || services.length > 0 || values['engine.load'] || values['engine.pcap'] !== '') {
    return { plan: tried({ values, source, services, knobs }), instead, demonstration: undefined };
  }
  const demonstration = await Demonstration.start();
  try {
    const plan = tried({ values, source, services: demonstration.services, knobs: demonstration.withKnobs(knobs) });
    return { plan, instead, demonstration };
  } catch (error) {
    await demonstration.stop();
    throw error;
  }
}

function tried(plan: CapturePlan): CapturePlan {
  const { code, sentence } = checkCapture(plan);
  if (code === Exit.ok) return plan;
  throw new Failure(code, code === Exit.refused ? `${sentence}\n${ADVICE}` : sentence);
}
