import type { Config } from '../config/load.js';
import { Demonstration } from '../demo/demonstration.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type CapturePlan, checkCapture, type SourceName } from './native.js';

/** What else a person may try when a source cannot run here. */
export const ADVICE =
  'What else to try: "vslog doctor" says what this machine lacks; "vslog up --source engine" is a balancer that runs anywhere; "npm run demo:vm" watches a real ip_vs in a virtual machine.';

/** What `auto` asks the capture about, in this order, before it takes the engine. */
const KERNEL_SOURCES = ['ipvs', 'conntrack'] as const;

/** A source that was asked about and is not taken. */
export interface PassedOver {
  readonly source: SourceName;
  /** Why: the capture's sentence. */
  readonly sentence: string;
}

/** The source of a configuration, chosen and tried. */
export interface ChosenSource {
  readonly plan: CapturePlan;
  /** It was chosen by `auto`. */
  readonly auto: boolean;
  /** Why it is none of the sources that come before it; empty when a source was named. */
  readonly instead: readonly PassedOver[];
  /** Runs when source engine has nothing configured to balance. */
  readonly demonstration: Demonstration | undefined;
}

/** Chooses the source, and asks the capture whether it would take all this. Throws Failure, and then nothing runs. */
export async function chooseSource(config: Config): Promise<ChosenSource> {
  const { values, services, knobs } = config;
  const asked = values['capture.source'];
  const auto = asked === 'auto';
  const instead: PassedOver[] = [];
  for (const source of auto ? KERNEL_SOURCES : []) {
    if (source === 'conntrack' && wantsEngine(config)) {
      instead.push({
        source,
        sentence: 'what is configured is for a balancer of our own; --source conntrack would watch it all the same.',
      });
      continue;
    }
    const plan = { values, source, services, knobs };
    const { code, sentence } = checkCapture(plan);
    if (code === Exit.ok) return { plan, auto, instead, demonstration: undefined };
    if (code !== Exit.refused) throw new Failure(code, sentence);
    instead.push({ source, sentence });
  }
  const source = auto ? 'engine' : asked;
  if (source !== 'engine' || wantsEngine(config)) {
    return { plan: tried({ values, source, services, knobs }), auto, instead, demonstration: undefined };
  }
  const demonstration = await Demonstration.start();
  try {
    const plan = tried({ values, source, services: demonstration.services, knobs: demonstration.withKnobs(knobs) });
    return { plan, auto, instead, demonstration };
  } catch (error) {
    await demonstration.stop();
    throw error;
  }
}

/** Something is configured that only the engine runs. */
function wantsEngine({ values, services }: Config): boolean {
  return services.length > 0 || values['engine.load'] || values['engine.pcap'] !== '';
}

function tried(plan: CapturePlan): CapturePlan {
  const { code, sentence } = checkCapture(plan);
  if (code === Exit.ok) return plan;
  throw new Failure(code, code === Exit.refused ? `${sentence}\n${ADVICE}` : sentence);
}
