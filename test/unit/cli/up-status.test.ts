import { expect, it } from 'vitest';
import { progressBar } from '../../../src/cli/up-status.js';

it('draws how far it has come, within its frame', () => {
  expect(progressBar(0)).toBe('[            ]');
  expect(progressBar(0.5)).toBe('[=====>      ]');
  expect(progressBar(1)).toBe('[===========>]');
  expect(progressBar(7)).toBe('[===========>]');
  expect(progressBar(-1)).toBe('[            ]');
});
