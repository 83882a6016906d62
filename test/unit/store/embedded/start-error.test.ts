import { expect, it } from 'vitest';
import { isDamage } from '../../../../src/store/embedded/damage.js';
import { startError } from '../../../../src/store/errors.js';

const DEFINITION = `ATTACH TABLE vslog.conn_events UUID 'e33290e9-516c-41ef-8a2e-d8432abd2850' (${'`x` UInt32 CODEC(T64, ZSTD), '.repeat(300)}) ENGINE = MergeTree`;
const complaint = (code: number, cause: string, name: string): string =>
  `Code: 722. DB::Exception: Waited job failed: Code: 695. DB::Exception: Load job 'load table vslog.conn_events' failed: Code: ${code}. DB::Exception: ${cause}: Cannot attach table \`vslog\`.\`conn_events\` from metadata file store/e33/e33290e9/conn_events.sql from query ${DEFINITION}. (${name}), Stack trace (when copying this message, always include the lines below):\n\n0. x\n (version 26.5.1.1). (ASYNC_LOAD_JOB_FAILED)`;

it('tells the cause of a start that failed, and not the statement that the engine was reading', () => {
  const error = startError(complaint(32, 'Attempt to read after eof', 'ATTEMPT_TO_READ_AFTER_EOF'));
  expect(error.code).toBe(32);
  expect(error.message).toBe(
    'Attempt to read after eof: Cannot attach table `vslog`.`conn_events` from metadata file store/e33/e33290e9/conn_events.sql (ClickHouse 32, ATTEMPT_TO_READ_AFTER_EOF).',
  );
  expect(startError('std::bad_alloc').message).toBe('std::bad_alloc.');
});

it('takes what is torn for damage, and not what is short or forbidden', () => {
  expect(isDamage(complaint(32, 'Attempt to read after eof', 'ATTEMPT_TO_READ_AFTER_EOF'))).toBe(true);
  expect(isDamage(complaint(241, 'Memory limit exceeded', 'MEMORY_LIMIT_EXCEEDED'))).toBe(false);
  expect(isDamage(complaint(243, 'Cannot reserve 1.00 MiB', 'NOT_ENOUGH_SPACE'))).toBe(false);
  expect(isDamage('std::bad_alloc')).toBe(false);
});
