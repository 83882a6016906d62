import { expect, it } from 'vitest';
import { Turns } from '../../vm/turns.js';

it('lets only so many act at a time, and what goes on before what begins', async () => {
  const turns = new Turns(1);
  const order: string[] = [];
  let end: () => void = () => undefined;
  const first = turns.act(
    false,
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  const others = [
    turns.act(false, async () => void order.push('begins')),
    turns.act(true, async () => void order.push('goes on')),
    turns.act(true, async () => void order.push('goes on, too')),
  ];
  await Promise.resolve();
  expect(order).toEqual([]);
  end();
  await Promise.all([first, ...others]);
  expect(order).toEqual(['goes on', 'goes on, too', 'begins']);
});

it('gives its place back when an act fails', async () => {
  const turns = new Turns(1);
  await expect(turns.act(false, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await turns.act(false, async () => 'done')).toBe('done');
});
