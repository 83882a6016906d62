import { expect, it } from 'vitest';
import { clientStory, connectionStory, hostOf } from '../../../../web/story/links.js';

it.each([
  ['10.0.0.1:80', '10.0.0.1'],
  ['10.0.0.1', '10.0.0.1'],
  ['[2001:db8::1]:80', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
])('the host of %s is %s', (endpoint, host) => expect(hostOf(endpoint)).toBe(host));

it('leads to stories', () => {
  expect(clientStory('[2001:db8::1]:80')).toBe('/story?client=2001%3Adb8%3A%3A1');
  expect(connectionStory({ id: '5', node: 'lb 1' })).toBe('/story?conn=5&node=lb+1');
});
