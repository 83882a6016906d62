// A failed test takes the last lines of its processes with it into the report (test/gate/read.ts).
import { afterEach } from 'vitest';
import { lastLogs } from './process-logs.js';

declare module 'vitest' {
  interface TaskMeta {
    logs?: string;
  }
}

afterEach(({ task }) => {
  if (task.result?.state === 'fail') task.meta.logs = lastLogs();
});
