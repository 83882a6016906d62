import { expect, test } from 'vitest';
import { TooMany, Turns } from '../../../../src/store/embedded/turns.js';

/** Something that runs until it is told to end. */
function job(): { readonly run: () => Promise<string>; readonly begun: () => boolean; end(failure?: Error): void } {
  let begun = false;
  const { promise, resolve, reject } = withResolvers();
  return {
    run: () => {
      begun = true;
      return promise;
    },
    begun: () => begun,
    end: (failure) => (failure === undefined ? resolve('done') : reject(failure)),
  };
}

function withResolvers(): { promise: Promise<string>; resolve(value: string): void; reject(error: Error): void } {
  let [resolve, reject]: [(value: string) => void, (error: Error) => void] = [() => undefined, () => undefined];
  const promise = new Promise<string>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('so many run, the others wait in order, also behind one that failed', async () => {
  const turns = new Turns(2, 8);
  const jobs = [job(), job(), job(), job()];
  const results = jobs.map(({ run }) => turns.run(run).catch((error: Error) => error.message));
  await settle();
  expect(jobs.map(({ begun }) => begun())).toEqual([true, true, false, false]);
  jobs[1]?.end(new Error('failed'));
  await settle();
  expect(jobs.map(({ begun }) => begun())).toEqual([true, true, true, false]);
  jobs[0]?.end();
  await settle();
  expect(jobs.map(({ begun }) => begun())).toEqual([true, true, true, true]);
  jobs[2]?.end();
  jobs[3]?.end();
  expect(await Promise.all(results)).toEqual(['done', 'failed', 'done', 'done']);
  expect(await turns.run(async () => 'again')).toBe('again');
});

test('who gives up while waiting takes no turn, and too many are told', async () => {
  const turns = new Turns(1, 1);
  const [first, second, third] = [job(), job(), job()];
  const running = turns.run(first.run);
  const gone = new AbortController();
  const waiting = turns.run(second.run, gone.signal);
  await expect(turns.run(third.run)).rejects.toThrow(TooMany);
  gone.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  const after = turns.run(third.run);
  first.end();
  third.end();
  expect([await running, await after]).toEqual(['done', 'done']);
  expect(second.begun()).toBe(false);
});
