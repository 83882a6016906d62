import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CaptureKeeper } from '../../../src/cli/capture-keeper.js';
import { Failure } from '../../../src/cli/failure.js';
import { until } from '../../support/patience.js';
import { withDirectory } from '../support/temporary.js';

/** A keeper of a program that is this shell script. */
async function kept(
  script: string,
  action: (keeper: CaptureKeeper, said: string[], readies: () => number) => Promise<void>,
  stopMs?: number,
  handOverMs = 0,
): Promise<void> {
  await withDirectory(async (dir) => {
    const binary = join(dir, 'capture');
    writeFileSync(binary, `#!/bin/sh\n${script}\n`);
    chmodSync(binary, 0o755);
    const said: string[] = [];
    let readies = 0;
    const keeper = new CaptureKeeper(
      { binary, args: [], feed: '', say: (line) => said.push(line), onReady: () => readies++, advice: 'Advice.', handOverMs },
      stopMs,
    );
    try {
      await action(keeper, said, () => readies);
    } finally {
      await keeper.stop();
    }
  });
}

describe('a capture that refuses', () => {
  it('is told once, with advice when the source cannot run', async () => {
    await kept('echo "first a warning" >&2; echo "vslog-capture: no ip_vs here." >&2; exit 4', async (keeper, said) => {
      const failure = await keeper.ended.then(
        () => undefined,
        (error: unknown) => error as Failure,
      );
      expect(failure).toBeInstanceOf(Failure);
      expect(failure).toMatchObject({ exit: 4, message: 'no ip_vs here.\nAdvice.' });
      expect(said).toEqual(['capture: first a warning']);
    });
  });
});

describe('a capture that dies', () => {
  it('is started again, with its last words', async () => {
    await kept('echo "ready: x"; echo "vslog-capture: ouch" >&2; exit 1', async (_keeper, said, readies) => {
      await until('it was started again', () => readies() >= 2);
      expect(said).toContain('capture: ouch');
      expect(said).toContain('the capture ended with code 1; it is started again');
    });
  });

  it('says what it said before it was ready, too', async () => {
    await kept('echo "vslog-capture: ouch" >&2; exit 1', async (_keeper, said) => {
      await until('it was told', () => said.length >= 2);
      expect(said.slice(0, 2)).toEqual(['capture: ouch', 'the capture ended with code 1; it is started again']);
    });
  });
});

describe('a capture that does not end when it is told to', () => {
  it('is killed, and that is told', async () => {
    // time: it stays until it is killed, however long that takes
    const script = "trap '' TERM; echo 'ready: x'; while :; do sleep 0.1; done";
    const stop = async (keeper: CaptureKeeper, said: string[], readies: () => number): Promise<void> => {
      await until('it is ready', () => readies() > 0);
      await keeper.stop();
      expect(said.at(-1)).toMatch(/^the capture did not end within 0\.05 s and is killed; /);
    };
    await kept(script, stop, 50);
  });
});

describe('a capture that waits for its collector at a stop', () => {
  it('has the time for that beside its own, and says whether the collector has everything', async () => {
    // time: it takes longer than the millisecond that it has for itself, however long that is
    const script = `trap 'sleep 0.2; exit 8' TERM; echo "ready: x"; while :; do sleep 0.01; done`;
    const stop = async (keeper: CaptureKeeper, said: string[], readies: () => number): Promise<void> => {
      await until('it is ready', () => readies() > 0);
      expect(await keeper.stop()).toBe(false);
      expect(said.join()).not.toContain('did not end');
    };
    await kept(script, stop, 1, 3_600_000);
  });
});

describe('a capture', () => {
  it('is told to end with its parent, by a standard input that stays open', async () => {
    await kept('echo "ready: $1"; cat; echo "input ended"', async (_keeper, said) => {
      await until('it is ready', () => said.includes('capture: ready: --with-parent'));
      expect(said).toEqual(['capture: ready: --with-parent']);
    });
  });
});
