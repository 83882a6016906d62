// Runs a command in a virtual machine with a real kernel: `npx tsx test/vm/shell.ts [--kernel DIR] [--file HOST[:GUEST]]... -- SCRIPT`.
import { basename } from 'node:path';
import type { GuestFile } from './image.js';
import { findKernel } from './kernel.js';
import { Machine } from './machine.js';
import { CACHE, defaultFiles, defaultKernels } from './setting.js';

const files: GuestFile[] = [...defaultFiles()];
let folder = defaultKernels()[0] ?? '';
const args = process.argv.slice(2);
while (args.length > 0 && args[0] !== '--') {
  const option = args.shift();
  const value = args.shift();
  if (value === undefined) throw new Error(`${option} needs a value`);
  if (option === '--kernel') folder = value;
  else if (option === '--file') {
    const [host = '', guest] = value.split(':');
    files.push({ host, guest: guest ?? `/usr/bin/${basename(host)}` });
  } else throw new Error(`no such option: ${option}`);
}
const machine = await Machine.boot(findKernel(folder), files, CACHE);
try {
  const { code, output } = await machine.run(args.slice(1).join(' '));
  console.log(output);
  process.exitCode = code;
} finally {
  await machine.stop();
}
