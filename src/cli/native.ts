import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Values } from '../config/schema.js';
import { keys, optionOf } from '../config/schema.js';

const BUILT = fileURLToPath(new URL('../../build/native/vslog-capture', import.meta.url));

/** The program to run as the capture: the option's, the built one, or what $PATH has. */
export function captureBinary(values: Values): string {
  const { 'capture.binary': asked } = values;
  return asked !== '' ? asked : existsSync(BUILT) ? BUILT : 'vslog-capture';
}

/** The flags of vslog-capture for a configuration. */
export function captureArguments(values: Values): string[] {
  const args: string[] = [];
  const scripted = values['capture.source'] === 'scripted';
  for (const key of keys) {
    const { native } = optionOf(key);
    if (native === undefined || (native.startsWith('scripted-') && !scripted)) continue;
    const value = values[key];
    if (typeof value === 'boolean') {
      if (value) args.push(`--${native}`);
    } else if (value !== '') args.push(`--${native}`, key === 'capture.source' && value === 'auto' ? 'ipvs' : String(value));
  }
  return args;
}

/** Makes the directories of the capture's socket and journal. Throws the system's error. */
export function makeRuntimeDirs(values: Values): void {
  for (const path of [values['capture.socket'], values['capture.journal']]) mkdirSync(dirname(path), { recursive: true });
}

/** The sentence on a program that could not be run. */
export function spawnSentence(binary: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `There is no program ${binary}: build it by "npm run build", or name it by --binary.`;
  if (error.code === 'EACCES') return `The program ${binary} may not be run.`;
  return `The program ${binary} could not be run: ${error.message}.`;
}
