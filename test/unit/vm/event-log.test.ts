import { expect, it } from 'vitest';
import { SubscriberLog } from '../../vm/event-log.js';

it('whoever waits for the log is told at once that nothing comes any more, and why', async () => {
  const log = new SubscriberLog('/does/not/exist', 'judge');
  const waiting = [1, 2].map((n) => log.until(() => false, `record ${n}`).catch(String));
  log.stop('the machine is there no more');
  log.stop();
  expect(await Promise.all(waiting)).toEqual([
    'Error: the machine is there no more: record 1',
    'Error: the machine is there no more: record 2',
  ]);
  await expect(log.until(() => false, 'record 3')).rejects.toThrow('the machine is there no more: record 3');
  await log.until(() => true, 'what is there already');
  // It connects no more, either.
  await log.follow();
});
