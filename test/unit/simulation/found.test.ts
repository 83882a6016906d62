import '../../simulation/mocks.js';
import { describe, expect, it } from 'vitest';
import { FOUND } from '../../simulation/found.js';
import { played } from '../../simulation/played.js';

describe('a history goes well in which once', () => {
  it.each(Object.entries(FOUND))('%s', async (_what, history) => {
    expect(await played(history)).toEqual([]);
  });
});
