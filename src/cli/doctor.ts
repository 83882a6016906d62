import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { ApiClient } from '../api/client.js';
import { openSentence } from '../config/listen-open.js';
import type { Values } from '../config/schema.js';
import { bytesText } from '../text/format.js';
import { CaptureClient } from '../wire/client.js';
import { clockFindings, clocksOf } from './doctor-clock.js';
import { conntrackFindings, readSwitch } from './doctor-conntrack.js';
import { storeFindings } from './doctor-store.js';
import { Exit } from './exit-codes.js';
import { Failure, sentence } from './failure.js';
import { type Finding, fail, ok, warn } from './finding.js';
import { type AnswerOptions, addAnswerOptions, writeArray } from './json-output.js';
import { captureBinary, checkCapture } from './native.js';
import { storeDirectory } from './open-store.js';
import { addConfigOptions, configOf } from './options.js';
import { colour, write } from './output.js';

/** Bits of CapEff: include/uapi/linux/capability.h. */
const CAPABILITIES = [
  ['CAP_NET_ADMIN', 12],
  ['CAP_PERFMON', 38],
  ['CAP_BPF', 39],
] as const;
const LEAST_KERNEL = [5, 15] as const;
const LEAST_FREE = 1024 ** 3;
/** How long a program or a capture may take to answer, ms: on a busy machine they are well and slow. */
const ANSWER_MS = 60_000;

const EXAMPLES = `
Exit code 1 when something would keep vslog from recording ip_vs here.

Examples:
  vslog doctor
  vslog doctor --json | jq '.[] | select(.state != "ok")'`;

export function doctorCommand(version: string): Command {
  const command = new Command('doctor').description('Check what this machine has of what vslog needs.').addHelpText('after', EXAMPLES);
  addConfigOptions(addAnswerOptions(command, 'array'), 'doctor');
  return command.action(async ({ output }: AnswerOptions) => {
    const { values } = configOf(command, 'doctor');
    const findings = [
      versions(version),
      kernelVersion(release()),
      ipvsModule(),
      btf(),
      capabilities(),
      bpffs(),
      binary(values),
      ...conntrackFindings(readSwitch, () => checkConntrack(values)),
      await captureSocket(values['capture.socket']),
      await collectorSocket(values['collector.api_socket']),
      listeners(values),
      ...clockFindings(await clocksOf(values)),
      diskSpace(values['collector.data_dir']),
      ...(values['store.kind'] === 'embedded' ? await storeFindings(storeDirectory(values), values['store.keep_free']) : []),
    ];
    await (output === 'text' ? write(findings.map(line).join('')) : writeArray(output, findings));
    if (findings.some(({ state }) => state === 'fail')) throw new Failure(Exit.failure, '');
  });
}

function line({ name, state, found, advice }: Finding): string {
  const mark = { ok: colour.green('ok  '), warn: colour.yellow('warn'), fail: colour.red('FAIL') }[state];
  return `${mark} ${name.padEnd(16)} ${found}${advice === '' ? '' : `\n${' '.repeat(22)}${colour.dim(advice)}`}\n`;
}

function versions(version: string): Finding {
  return ok('versions', `vslog ${version}, Node.js ${process.versions.node}`);
}

export function kernelVersion(text: string): Finding {
  const [major = 0, minor = 0] = text.split('.').map((part) => Number.parseInt(part, 10));
  const [least, leastMinor] = LEAST_KERNEL;
  return major > least || (major === least && minor >= leastMinor)
    ? ok('kernel', text)
    : fail('kernel', text, `Linux ${LEAST_KERNEL.join('.')} or newer is needed.`);
}

function ipvsModule(): Finding {
  if (existsSync('/sys/module/ip_vs')) return ok('ip_vs', 'the module is loaded');
  const directory = `/lib/modules/${release()}/kernel/net/netfilter/ipvs`;
  const available = existsSync(directory) && readdirSync(directory).some((name) => name.startsWith('ip_vs.ko'));
  return available
    ? fail('ip_vs', 'the module is there and not loaded', 'Load it: modprobe ip_vs.')
    : fail(
        'ip_vs',
        `this kernel has no module ip_vs in ${directory}`,
        'Use a kernel that has it, or look at "vslog up --source engine", which runs anywhere, or "npm run demo:vm".',
      );
}

function checkConntrack(values: Values): { code: number; sentence: string } {
  try {
    return checkCapture({ values, source: 'conntrack', services: [], knobs: [] });
  } catch (error) {
    return { code: Exit.failure, sentence: sentence(error) };
  }
}

function btf(): Finding {
  return existsSync('/sys/kernel/btf/vmlinux')
    ? ok('BTF', '/sys/kernel/btf/vmlinux')
    : fail(
        'BTF',
        'the kernel has no type information',
        'Use a kernel that is built with CONFIG_DEBUG_INFO_BTF=y, as the distributions are.',
      );
}

function capabilities(): Finding {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  const missing = CAPABILITIES.filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n).map(([name]) => name);
  if (missing.length === 0) return ok('capabilities', CAPABILITIES.map(([name]) => name).join(', '));
  return fail(
    'capabilities',
    `missing ${missing.join(', ')}`,
    'The capture needs them: run it as root, or give them to the program by setcap. The collector needs none.',
  );
}

function bpffs(): Finding {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .some((mount) => mount.split(' ')[2] === 'bpf');
  return mounted
    ? ok('bpffs', 'mounted')
    : warn('bpffs', 'not mounted', 'Without it a restart of the capture misses what happens meanwhile: mount -t bpf bpf /sys/fs/bpf.');
}

function binary(values: Values): Finding {
  const program = captureBinary(values);
  const result = spawnSync(program, ['--help'], { encoding: 'utf8', timeout: ANSWER_MS });
  if ((result.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT')
    return fail(
      'vslog-capture',
      `${program} did not answer within ${ANSWER_MS / 1000} s`,
      'Run it by hand: it hangs, or the machine is far too busy.',
    );
  return result.status === 0
    ? ok('vslog-capture', program)
    : fail('vslog-capture', `${program} cannot be run`, 'Build it by "npm run build", or name it by --binary.');
}

async function captureSocket(path: string): Promise<Finding> {
  const client = new CaptureClient({ path, software: 'vslog doctor', timeoutMs: ANSWER_MS });
  try {
    const { software, node, source } = await client.connect();
    return ok('capture', `${software} on ${node}, source ${source}`);
  } catch (error) {
    return warn('capture', 'does not answer', sentence(error));
  } finally {
    client.close();
  }
}

async function collectorSocket(path: string): Promise<Finding> {
  try {
    const { pid, version } = await new ApiClient(path).status();
    return ok('collector', `vslog ${version}, process ${pid}`);
  } catch (error) {
    return warn('collector', 'does not answer', sentence(error));
  }
}

function listeners(values: Values): Finding {
  const open = openSentence(values);
  return open === undefined
    ? ok('listeners', 'each asks for a token')
    : warn('listeners', open, 'Everybody with a shell here may read the log by them: take them out of collector.listen_open.');
}

function diskSpace(directory: string): Finding {
  let place = directory;
  while (!existsSync(place) && dirname(place) !== place) place = join(place, '..');
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const found = `${bytesText(free)} free for ${directory}`;
  return free >= LEAST_FREE
    ? ok('disk', found)
    : warn('disk', found, 'An event takes about 100 bytes in the spool and 12 in the store: make room, or choose another --data-dir.');
}
