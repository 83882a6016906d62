import { join } from 'node:path';
import { readScenario } from '../conformance/scenario.js';
import { SHARED } from './capture.js';
import { Director } from './director.js';
import type { Kernel } from './kernel.js';
import { Machine } from './machine.js';
import { attempt, type Result } from './result.js';
import { CACHE, defaultFiles, ROOT } from './setting.js';

const CONNECTIONS = 25;

/** The guest sees the host's files, and writes beside them: Node, the checkout and its packages run as they stand there. */
const MOUNT_HOST = `set -e
for m in virtio_pci 9pnet_virtio 9p overlay; do modprobe $m || true; done
mkdir -p /host /over /new
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576,cache=loose,ro host /host
mount -t tmpfs -o size=1500m over /over
mkdir /over/up /over/work
mount -t overlay -o lowerdir=/host,upperdir=/over/up,workdir=/over/work overlay /new
for d in proc sys dev run; do mount --rbind /$d /new/$d; done`;

/**
 * The main job, whole, on a machine that has ip_vs: `vslog up` beside the kernel's balancer, both halves and the store in the guest. Its clients' connections must be
 * there when SQL is asked for their real server, as many as were made, and ended for the right reason.
 */
export function upBesideIpvs(kernel: Kernel): Promise<Result> {
  return attempt('up-beside-ipvs', async () => {
    const machine = await Machine.boot(kernel, defaultFiles(), CACHE, { name: 'whole', memoryMiB: 4096, shareHost: true });
    try {
      return await upIn(machine);
    } finally {
      await machine.stop();
    }
  });
}

async function upIn(machine: Machine): Promise<string | undefined> {
  const vslog = `${process.execPath} ${join(ROOT, 'dist/main.js')}`;
  const environment = 'env HOME=/run PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';
  /** Runs a script among the host's files, after the words of `before`. */
  const inside = (script: string, before = ''): string =>
    `cat >/run/step.sh <<'END_OF_STEP'\n${script}\nEND_OF_STEP\n${before} chroot /new ${environment} bash /run/step.sh`;
  await machine.must(MOUNT_HOST);
  const director = new Director(machine, { ...readScenario(join(ROOT, 'test/scenarios/udp-timeout.toml')), name: 'whole' }, SHARED);
  await director.setUp();
  // `up` runs in the director's network namespace, whose connections it is to log.
  await machine.must(
    inside(
      `nohup ${vslog} up --data-dir /run/data --drain 60s >/run/up.log 2>&1 </dev/null & echo $! >/run/up.pid`,
      'ip netns exec d_whole',
    ),
  );
  await machine.must(
    inside(
      // time: between two looks, for as long as it takes
      `until grep -q '^capture: ready' /run/up.log; do kill -0 $(cat /run/up.pid) || { cat /run/up.log; exit 1; }; sleep 1; done; cat /run/up.log`,
    ),
  );
  await director.perform([{ do: 'burst', protocol: 'udp', count: CONNECTIONS, from: 'c1', to: 'vip:53' }]);
  const answer = await machine.must(
    // time: between two looks, for as long as it takes. Each is a program more on a machine that has the store to start.
    inside(`until [ "$n" = ${CONNECTIONS} ]; do sleep 10
        said=$(${vslog} sql --format csv "select count() from connections where real_addr = '10.2.0.11' and client_addr = '10.1.0.2' and reason = 'timeout'" 2>/run/sql.err)
        # What was asked wrongly will be refused again.
        [ $? != 2 ] || { cat /run/sql.err; exit 1; }
        n=$(tail -n 1 <<<"$said")
      done
      echo "$n"`),
  );
  // time: between two looks, for as long as it takes
  await machine.must(`kill -TERM $(cat /run/up.pid); while [ -e /proc/$(cat /run/up.pid) ]; do sleep 0.5; done`);
  const left = await machine.must('ls /sys/fs/bpf; cat /proc/[0-9]*/comm 2>/dev/null | grep -cxE "vslog-capture|node" || true');
  if (answer !== String(CONNECTIONS)) return `SQL tells ${answer} of ${CONNECTIONS} connections\n${await machine.must('cat /run/up.log')}`;
  return left === '0' ? undefined : `after the stop this was left: ${left}`;
}
