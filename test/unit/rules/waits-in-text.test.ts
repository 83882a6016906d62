import { describe, expect, it } from 'vitest';
import { waitsIn } from './waits.js';

/** Lines that the rule finds. */
const linesOf = (path: string, text: string): number[] => waitsIn(path, text).map(({ line }) => line);

describe('the rule in a shell', () => {
  it.each([
    'sleep 1',
    '  sleep 0.2',
    'while ! test -e x; do sleep 1; done',
    'true && sleep $n',
    '(sleep 5; kill $1) &',
    'timeout 5 curl -s http://x',
    'x=$(timeout --foreground -k 1 2m "$program")',
  ])('refuses %s', (text) => {
    expect(linesOf('vm/guest/init', `#!/bin/sh\n${text}\n`)).toEqual([2]);
  });

  it.each(['exec sleep infinity', '# sleep 1', 'echo sleepy 5', 'nosleep 5', 'echo timeout 5 s', 'timeout 5', 'ipvsadm --set 900 120 300'])(
    'does not refuse %s',
    (text) => {
      expect(linesOf('vm/guest/run.sh', `#!/bin/sh\n${text}\n`)).toEqual([]);
    },
  );
});

describe('the rule in other languages', () => {
  it.each([
    ['x.py', 'time.sleep(1)'],
    ['x.py', 'subprocess.run(command, timeout=5)'],
    ['x.go', 'time.Sleep(5 * time.Second)'],
    ['x.go', 'case <-time.After(limit):'],
    ['x.go', 'ctx, cancel := context.WithTimeout(ctx, 5*time.Second)'],
    ['x.toml', '  { do = "sleep", seconds = 3 },'],
    ['x.sh', 'sleep 1'],
  ])('refuses in %s %s', (path, text) => {
    expect(linesOf(path, `\n${text}\n`)).toEqual([2]);
  });

  it.each([
    ['x.py', '# time.sleep(1)'],
    ['x.py', 'subprocess.run(command, timeout=patience())'],
    ['x.go', '// time.Sleep(5)'],
    ['x.go', 'fmt.Println("time.Sleep(5)", time.Now())'],
    ['x.toml', '  { do = "wait", for = "expire", within = 60 },'],
    ['x.toml', '# { do = "sleep" }'],
  ])('does not refuse in %s %s', (path, text) => {
    expect(linesOf(path, `\n${text}\n`)).toEqual([]);
  });
});
