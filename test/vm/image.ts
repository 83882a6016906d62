import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasModule, type Kernel } from './kernel.js';

const HERE = dirname(fileURLToPath(import.meta.url));

/** Where in a kernel package the modules lie that the test machine may need. */
const MODULE_FOLDERS = [
  'net/netfilter',
  'net/ipv4',
  'net/ipv6',
  'net/sctp',
  'net/core',
  'lib',
  'crypto',
  'arch/x86/crypto',
  'drivers/net/ethernet/intel/e1000',
  'drivers/virtio',
  'fs/9p',
  'fs/netfs',
  'fs/fscache',
  'fs/overlayfs',
  'net/9p',
];
const MODULE_FILES = ['drivers/net/veth.ko', 'drivers/net/dummy.ko'];

/** Left to the kernel, scenarios that ask for several at once while others make and unmake network namespaces have waited for each other for minutes. */
const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'sed', 'nq', 'fo', 'ovf', 'sh', 'dh', 'mh', 'lblc', 'lblcr', 'twos'];

/** Loaded at boot, in this order. Whatever else is asked for is loaded by the kernel then. */
function bootModules(kernel: Kernel): string[] {
  const schedulers = SCHEDULERS.map((name) => `ip_vs_${name}`).filter((name) => hasModule(kernel, name));
  return ['e1000', 'crc32c_generic', 'veth', 'ip_vs', ...schedulers, 'ipip', 'sctp'];
}

/** Programs of the host that the test machine has too, with their libraries. */
const HOST_PROGRAMS = ['ipvsadm', 'ip', 'bash', 'modprobe', 'nft', 'sysctl', 'dmesg'];

/** A file that is put into the machine: where it is on the host, and where in the guest. */
export interface GuestFile {
  readonly host: string;
  readonly guest: string;
}

function which(program: string): string {
  for (const folder of ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin']) {
    const path = join(folder, program);
    if (existsSync(path)) return realpathSync(path);
  }
  throw new Error(`the program ${program} is not on this machine; \`bash scripts/setup.sh --tests\` installs what the tests need`);
}

/** Copies a program with the shared libraries that it is linked to. */
function addProgram(root: string, host: string, guest: string): void {
  mkdirSync(dirname(join(root, guest)), { recursive: true });
  copyFileSync(host, join(root, guest));
  chmodSync(join(root, guest), 0o755);
  let libraries = '';
  try {
    libraries = execFileSync('ldd', [host], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return; // a static program, or a script
  }
  for (const [library] of libraries.matchAll(/\/[^\s()]+/g)) {
    const target = join(root, library);
    if (existsSync(target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(library, target);
  }
}

/** Takes debugging information out of a program, nine tenths of the capture's size: what the kernel loads and runs stays as it is. A script has none. */
function strip(program: string): void {
  try {
    execFileSync('strip', ['--strip-debug', program], { stdio: 'ignore' });
  } catch {
    return;
  }
}

function addModules(root: string, kernel: Kernel): void {
  const target = join(root, 'lib/modules', kernel.release);
  mkdirSync(target, { recursive: true });
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
    copyFileSync(join(kernel.modules, name), join(target, name));
  const wanted = [...MODULE_FOLDERS, ...MODULE_FILES.flatMap((file) => [file, `${file}.xz`, `${file}.zst`])];
  for (const path of wanted) {
    const from = join(kernel.modules, 'kernel', path);
    if (existsSync(from)) cpSync(from, join(target, 'kernel', path), { recursive: true });
  }
  const packed = readdirSync(target, { recursive: true, encoding: 'utf8' }).filter((path) => /\.ko\.(xz|zst)$/.test(path));
  const xz = packed.filter((path) => path.endsWith('.xz')).map((path) => join(target, path));
  const zst = packed.filter((path) => path.endsWith('.zst')).map((path) => join(target, path));
  if (xz.length > 0) execFileSync('xz', ['-d', ...xz]);
  if (zst.length > 0) execFileSync('zstd', ['-q', '-d', '--rm', ...zst]);
  execFileSync('/usr/bin/env', ['PATH=/usr/sbin:/sbin:/usr/bin:/bin', 'depmod', '-b', root, kernel.release]);
}

/** What decides an image: the same parts, at the same places, unchanged. */
function fingerprint(parts: readonly string[], files: readonly GuestFile[]): string {
  const hash = createHash('sha256').update(JSON.stringify(files));
  for (const part of parts) hash.update(`${part} ${statSync(part).mtimeMs} ${statSync(part).size}\n`);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Makes the initramfs of the test machine: busybox, the host's ipvsadm, iproute2 and bash, the kernel's modules, and the files given.
 * Kept in `cache` until one of its parts is newer. Returns its path.
 */
export function makeImage(kernel: Kernel, files: readonly GuestFile[], cache: string): string {
  const guest = join(HERE, 'guest');
  const parts = [...files.map((file) => file.host), join(guest, 'init'), kernel.image, fileURLToPath(import.meta.url)];
  const image = join(cache, `initrd-${kernel.release}-${fingerprint(parts, files)}.cpio`);
  if (existsSync(image)) return image;
  // One image a release is enough to keep: each is some 60 MB.
  for (const old of readdirSync(cache)) if (old.startsWith(`initrd-${kernel.release}-`)) rmSync(join(cache, old));
  const root = join(cache, `root-${kernel.release}-${process.pid}`);
  rmSync(root, { recursive: true, force: true });
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'etc', 'tmp', 'usr/sbin', 'usr/bin'])
    mkdirSync(join(root, folder), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const program of HOST_PROGRAMS) addProgram(root, which(program), `usr/sbin/${program}`);
  symlinkSync('/usr/sbin/bash', join(root, 'bin/bash'));
  symlinkSync('usr/sbin', join(root, 'sbin')); // where the kernel looks for modprobe
  copyFileSync(join(guest, 'init'), join(root, 'init'));
  chmodSync(join(root, 'init'), 0o755);
  writeFileSync(join(root, 'modules'), bootModules(kernel).join('\n'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/bash\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  addModules(root, kernel);
  for (const file of files) {
    addProgram(root, file.host, file.guest.replace(/^\//, ''));
    strip(join(root, file.guest));
  }
  // Not compressed: the guest would take longer to unpack it than the host takes to read it.
  execFileSync('bash', ['-c', `find . | cpio -o -H newc --quiet > "$0.$$" && mv "$0.$$" "$0"`, image], { cwd: root });
  rmSync(root, { recursive: true, force: true });
  return image;
}

/** The guest's path of a host program that makeImage() was given by its name alone. */
export function guestProgram(host: string): GuestFile {
  return { host, guest: `/usr/bin/${basename(host)}` };
}
