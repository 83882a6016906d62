// Hashes in package-lock.json. npm leaves out those of optional packages of other platforms, and then installs whatever the registry gives.
//   node scripts/lock-integrity.mjs           fills in what is missing, from the registry's metadata
//   node scripts/lock-integrity.mjs --check   exit code 1 when a package of this platform has none; nothing is fetched
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const PATH = new URL('../package-lock.json', import.meta.url);
const text = readFileSync(PATH, 'utf8');
const lock = JSON.parse(text);
const bare = Object.entries(lock.packages).filter(([path, { integrity, link }]) => path !== '' && link !== true && integrity === undefined);
const specOf = (path, { version }) => `${path.replace(/^.*node_modules\//, '')}@${version}`;

if (process.argv.includes('--check')) {
  const here = bare.filter(
    ([, { os = [process.platform], cpu = [process.arch] }]) => os.includes(process.platform) && cpu.includes(process.arch),
  );
  for (const one of here)
    console.error(
      `package-lock.json has no hash for ${specOf(...one)}, so it is not installed unseen. Run node scripts/lock-integrity.mjs where the registry has it, and check the hash.`,
    );
  process.exitCode = here.length === 0 ? 0 : 1;
} else {
  let changed = false;
  for (const [path, entry] of bare) {
    const spec = specOf(path, entry);
    try {
      const integrity = JSON.parse(
        execFileSync('npm', ['view', spec, 'dist.integrity', '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      );
      // In npm's own order of an entry's fields.
      const { version, ...rest } = entry;
      lock.packages[path] = { version, integrity, ...rest };
      changed = true;
      console.log(`${spec} ${integrity}`);
    } catch {
      console.error(`The registry has no hash for ${spec}.`);
      process.exitCode = 1;
    }
  }
  if (changed) writeFileSync(PATH, `${JSON.stringify(lock, undefined, 2)}\n`);
}
