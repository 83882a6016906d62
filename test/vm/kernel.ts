import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** An unpacked kernel package. */
export interface Kernel {
  /** The release, as uname says it. */
  readonly release: string;
  readonly image: string;
  /** Its modules' folder, which ends in the release. */
  readonly modules: string;
}

/** Whether the kernel's build has a module of its balancer: `ip_vs_twos`. */
export function hasModule(kernel: Kernel, name: string): boolean {
  const folder = join(kernel.modules, 'kernel/net/netfilter/ipvs');
  return ['ko', 'ko.xz', 'ko.zst'].some((ending) => existsSync(join(folder, `${name}.${ending}`)));
}

/** The kernel in a folder that holds boot/ and lib/modules/ (or usr/lib/modules/, as newer packages have it). */
export function findKernel(folder: string): Kernel {
  for (const lib of ['lib/modules', 'usr/lib/modules']) {
    const parent = join(folder, lib);
    if (!existsSync(parent)) continue;
    for (const release of readdirSync(parent)) {
      const image = join(folder, 'boot', `vmlinuz-${release}`);
      if (existsSync(image)) return { release, image, modules: join(parent, release) };
    }
  }
  throw new Error(
    `${folder} holds no kernel: it must have boot/vmlinuz-RELEASE and lib/modules/RELEASE, as an unpacked kernel package has`,
  );
}
