import { expect, it } from 'vitest';
import { lossesOf, mend } from '../../../src/sink/mend.js';
import { type LostSpan, type Sink, type SinkDamage, SinkRejection } from '../../../src/sink/sink.js';
import type { Loss } from '../../../src/spool/loss.js';
import type { Segment } from '../../../src/spool/segment.js';

const span = (first: bigint, last: bigint, missing = Number(last - first + 1n)): LostSpan => ({
  ...{ node: 'n', epoch: 'e', record: 'conn', first, last, missing },
});
const segment = (id: number, first: bigint, last: bigint): Segment => ({
  ...{ id, record: 'conn', node: 'n', epoch: 'e', ranges: [{ first, last }], count: Number(last - first + 1n), bytes: 1 },
  ...{ sha256: '', chain: '', path: '' },
});
const damage = (more: Partial<SinkDamage>): SinkDamage => ({
  id: 'd',
  why: 'it was damaged',
  spans: [],
  unknown: false,
  all: false,
  ...more,
});

/** A sink that lost some of ten events each of segments 1 to 3, and what was done to it. */
function sinkWith(found: SinkDamage | undefined, left: readonly LostSpan[], refused = -1) {
  const done: string[] = [];
  const sink: Pick<Sink, 'name' | 'deliver' | 'mendable'> = {
    name: 's',
    async deliver({ id }) {
      done.push(`deliver ${id}`);
      if (id === refused) throw new SinkRejection('no');
    },
    mendable: {
      pending: found !== undefined,
      find: async () => found,
      missing: async () => left,
      settle: async () => void done.push('settle'),
    },
  };
  const losses: Loss[] = [];
  const spool = {
    sealed: () => [segment(1, 1n, 10n), segment(2, 11n, 20n), segment(3, 21n, 30n), segment(4, 31n, 40n)],
    recordLoss: async (loss: Loss) => {
      losses.push(loss);
      done.push('loss');
    },
  };
  return { run: () => mend(sink, spool, 3), done, losses };
}

it('brings again what the spool has of it, and no more, and tells the rest before it is settled', async () => {
  const { run, done, losses } = sinkWith(damage({ spans: [span(15n, 30n), span(35n, 36n)] }), [
    span(15n, 20n, 2),
    span(21n, 30n, 0),
    span(35n, 36n),
  ]);
  await run();
  expect(done).toEqual(['deliver 2', 'deliver 3', 'loss', 'settle']);
  expect(losses).toEqual([
    {
      ...{ where: 'sink', lost: 4n, id: 's-d-n-e-conn' },
      detail: 'Sink s lost 4 conn events that it had (epoch e, sequences 2 of 15-20, 35-36): it was damaged; the spool has them no more.',
    },
  ]);
});

it('does nothing where nothing was lost, and brings everything where nobody knows what was', async () => {
  const whole = sinkWith(undefined, []);
  await whole.run();
  expect(whole.done).toEqual([]);
  const unknown = sinkWith(damage({ all: true, unknown: true }), [], 2);
  await unknown.run();
  expect(unknown.done).toEqual(['deliver 1', 'deliver 2', 'deliver 3', 'loss', 'settle']);
  expect(unknown.losses).toMatchObject([{ lost: 0n, unknown: true, id: 's-d-unknown' }]);
});

it('tells each epoch and type for itself, and names a few runs only', () => {
  const many = Array.from({ length: 12 }, (_, i) => span(BigInt(10 * i + 1), BigInt(10 * i + 2)));
  const told = lossesOf('s', damage({}), [...many, { ...span(1n, 3n), record: 'control' }, { ...span(1n, 1n), node: 'm' }]);
  expect(told.map(({ loss, node }) => [node, loss.lost, loss.id])).toEqual([
    ['n', 24n, 's-d-n-e-conn'],
    ['n', 3n, 's-d-n-e-control'],
    ['m', 1n, 's-d-m-e-conn'],
  ]);
  expect(told[0]?.loss.detail).toContain('91-92 and 2 more runs');
});
