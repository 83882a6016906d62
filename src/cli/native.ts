import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeRuntimeFolder } from '../access/place.js';
import { type Knob, knobArguments } from '../config/knobs.js';
import { thisMachine } from '../config/load.js';
import type { Values } from '../config/schema.js';
import { keys, optionOf, runtimeDir } from '../config/schema.js';
import { serviceArguments, type VirtualService } from '../config/services.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';

const BUILT = fileURLToPath(new URL('../../build/native/vslog-capture', import.meta.url));

/** How long a check of the capture may take, ms: it loads programs into the kernel, which takes a busy machine a while. */
const CHECK_MS = 300_000;

/** The program to run as the capture: the option's, the built one, or what $PATH has. */
export function captureBinary(values: Values): string {
  const { 'capture.binary': asked } = values;
  return asked !== '' ? asked : existsSync(BUILT) ? BUILT : 'vslog-capture';
}

export type SourceName = Exclude<Values['capture.source'], 'auto'>;

/** What the capture is to do: a configuration whose source is chosen. */
export interface CapturePlan {
  readonly values: Values;
  readonly source: SourceName;
  readonly services: readonly VirtualService[];
  readonly knobs: readonly Knob[];
}

/** Ends each option that is handed over by a descriptor. */
const END = '\0';

/** The options of vslog-capture for the services of a plan. They are handed over by a descriptor (--options-fd): a command line has room for some thousand services only. Empty: none. */
export function captureFeed({ source, services }: CapturePlan): string {
  return source === 'engine' ? services.map((service) => serviceArguments(service).join(END) + END).join('') : '';
}

/** The flags of vslog-capture for a plan, but those of captureFeed(). */
export function captureArguments({ values, source, knobs }: CapturePlan): string[] {
  const args: string[] = ['--source', source];
  for (const key of keys) {
    const { native } = optionOf(key);
    if (native === undefined || native === 'source') continue;
    if (key.startsWith('capture.scripted_') && source !== 'scripted') continue;
    if (key.startsWith('conntrack.') && source !== 'conntrack') continue;
    if (key.startsWith('engine.') && source !== 'engine') continue;
    if (key.startsWith('engine.load_') && !values['engine.load']) continue;
    const value = values[key];
    if (typeof value === 'boolean') {
      if (value) args.push(`--${native}`);
    } else if (value !== '') args.push(`--${native}`, String(value));
  }
  if (source === 'engine') args.push(...knobArguments(knobs));
  return args;
}

/** The flags of vslog-capture for a collector beside it that runs as this user: everything is kept for it, and at a stop it is waited for. */
export function collectorArguments(values: Values, uid: number): string[] {
  const collector = `${values['collector.subscription']}=${uid}`;
  return ['--give-subscriber', collector, '--expect-subscriber', collector, '--stall-timeout', String(values['collector.drain'])];
}

/** What the capture says of a plan without starting it: its exit code (0: it can run) and its sentence; of a wrong configuration a line for each thing that is wrong. Throws Failure when there is no such program. */
export function checkCapture(plan: CapturePlan): { code: number; sentence: string } {
  const binary = captureBinary(plan.values);
  const feed = captureFeed(plan);
  const { error, status, signal, stderr } = spawnSync(
    binary,
    [...captureArguments(plan), ...(feed === '' ? [] : ['--options-fd', '0']), '--check'],
    { encoding: 'utf8', timeout: CHECK_MS, input: feed },
  );
  // It may say what is wrong and end before it has read all.
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'EPIPE')
    throw new Failure(Exit.failure, spawnSentence(binary, error));
  const lines = stderr.trimEnd().split('\n');
  // Of a wrong configuration each line is something that is wrong; otherwise what stands before the last one are notes.
  const said = (status === Exit.usage ? lines : lines.slice(-1)).map((line) => placed(line.replace(/^vslog-capture: /, ''), plan));
  return { code: status ?? Exit.failure, sentence: said.join('\n') || `${binary} --check ended with ${signal ?? `code ${status}`}.` };
}

/** Before a sentence on a service or knob: where that was configured. */
function placed(sentence: string, { services, knobs }: CapturePlan): string {
  const knob = knobs.find(({ name, value }) => sentence.includes(`${name}=${value}`)) ?? knobs.find(({ name }) => sentence.includes(name));
  // The longest: 192.0.2.1:80 stands in 192.0.2.1:8080, too.
  const named = services
    .flatMap((service) =>
      // The capture says "tcp 192.0.2.1:80" of what is at tcp://192.0.2.1:80.
      [service.at, service.at.replace('://', ' '), ...service.reals.map(({ at }) => at)].map((text) => ({
        service,
        length: sentence.includes(text) ? text.length : 0,
      })),
    )
    .reduce<{ service?: VirtualService; length: number }>((best, one) => (one.length > best.length ? one : best), { length: 0 });
  const origin = knob?.origin ?? named.service?.origin;
  return origin === undefined || sentence === '' ? sentence : `${origin}: ${sentence}`;
}

/** Makes the directories of the capture's socket and journal. Throws PlaceError, and the system's error. */
export function makeRuntimeDirs(values: Values): void {
  const groups = [
    values['capture.socket_group'],
    values['capture.admin_group'],
    values['capture.collector_group'],
    values['collector.read_group'],
  ];
  const own = runtimeDir(thisMachine());
  for (const path of [values['capture.socket'], values['capture.journal']]) {
    const folder = dirname(path);
    makeRuntimeFolder(
      folder,
      groups.some((group) => group !== ''),
      folder === own,
    );
  }
}

/** The sentence on a program that could not be run. */
export function spawnSentence(binary: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `There is no program ${binary}: build it by "npm run build", or name it by --binary.`;
  if (error.code === 'ETIMEDOUT') return `${binary} --check did not end within ${CHECK_MS / 1000} s.`;
  if (error.code === 'EACCES') return `The program ${binary} may not be run.`;
  return `The program ${binary} could not be run: ${error.message}.`;
}
