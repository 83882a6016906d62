import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nativeKeys } from '../../../src/config/native-keys.js';

it('the capture knows every option (mend: node --import tsx scripts/config-keys.mjs)', () => {
  expect(readFileSync(new URL('../../../native/daemon/config_keys.h', import.meta.url), 'utf8')).toBe(nativeKeys());
});
