import { expect, it } from 'vitest';
import { openingPage } from '../../../src/cli/console.js';

it('opens a browser where there is a display, by a file in a folder of the user’s own', () => {
  expect(openingPage({ DISPLAY: ':0', XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/vslog-console.html');
  expect(openingPage({ WAYLAND_DISPLAY: 'wayland-0', XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/vslog-console.html');
  for (const env of [{}, { DISPLAY: ':0' }, { DISPLAY: '', XDG_RUNTIME_DIR: '/run/user/7' }, { XDG_RUNTIME_DIR: '/run/user/7' }])
    expect(openingPage(env)).toBeUndefined();
});
