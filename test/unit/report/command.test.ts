import { expect, it } from 'vitest';
import { shortCommand } from '../../../src/report/command.js';

it.each([
  ['ipvsadm -e', 'ipvsadm -e'],
  ['/usr/sbin/ipvsadm -a -t 192.0.2.1:80', 'ipvsadm -a -t 192.0.2.1:80'],
  ['/usr/bin/node /opt/vslog/main.js rs drain 192.0.2.11', 'node main.js rs drain 192.0.2.11'],
  ['python3.11 /srv/check.py', 'python3.11 check.py'],
  ['bash -c true', 'bash -c true'],
  ['sysctl -w /proc/x', 'sysctl -w /proc/x'],
  ['for alice@console: vslog collect --console-token-file /etc/vslog/console.tokens', 'alice@console'],
  ['keepalived', 'keepalived'],
  ['', ''],
  ['ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.11:8080 -m -w 100', 'ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.1…'],
])('%j is %j in short', (line, short) => expect(shortCommand(line)).toBe(short));

it('has as many characters as it may, whatever they are', () => {
  expect([...shortCommand('x'.repeat(100))]).toHaveLength(40);
  expect(shortCommand('😀'.repeat(20), 5)).toBe('😀😀😀😀…');
});
