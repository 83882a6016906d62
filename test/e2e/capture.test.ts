import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMAND_MS, until } from '../support/patience.js';
import { withDirectory } from '../unit/support/temporary.js';
import { alive } from './support/vslog.js';

const CAPTURE = join(import.meta.dirname, '../../build/native/vslog-capture');

describe('vslog-capture --with-parent', () => {
  it('ends cleanly when standard input does', async () => {
    await withDirectory(async (dir) => {
      const socket = join(dir, 'capture.sock');
      const args = ['--with-parent', '--source', 'scripted', '--socket', socket, '--journal', join(dir, 'journal')];
      const capture = spawn(CAPTURE, args, { stdio: ['pipe', 'ignore', 'inherit'] });
      const ended = new Promise<number | null>((resolve) => capture.once('exit', resolve));
      try {
        await until('it listens', () => existsSync(socket));
        capture.stdin.write('What is said there is of no interest.');
        capture.stdin.end();
        expect(await ended).toBe(0);
        expect(existsSync(socket)).toBe(false);
      } finally {
        capture.kill('SIGKILL');
      }
    });
  });

  it('ends when its parent is killed', async () => {
    await withDirectory(async (dir) => {
      const socket = join(dir, 'capture.sock');
      const args = ['--with-parent', '--source', 'scripted', '--socket', socket, '--journal', join(dir, 'journal')];
      const program = `const { spawn } = require('node:child_process');
        console.log(spawn(${JSON.stringify(CAPTURE)}, ${JSON.stringify(args)}, { stdio: ['pipe', 'ignore', 'inherit'], detached: true }).pid);
        process.stdin.resume();`;
      const parent = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
      let said = '';
      parent.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      await until('it listens', () => said.includes('\n') && existsSync(socket));
      const pid = Number(said);
      expect(alive(pid)).toBe(true);
      parent.kill('SIGKILL');
      await until('the capture has ended', () => !alive(pid));
    });
  });

  it('wants something that can end', async () => {
    await withDirectory(async (dir) => {
      const args = ['--with-parent', '--source', 'scripted', '--socket', join(dir, 'capture.sock'), '--journal', join(dir, 'journal')];
      const { status, stderr } = spawnSync(CAPTURE, args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', timeout: COMMAND_MS });
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: 'vslog-capture: --with-parent needs a pipe or socket as standard input.\n',
      });
    });
  });
});

describe('vslog-capture --check', () => {
  const check = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(CAPTURE, ['--check', ...args], { encoding: 'utf8', timeout: COMMAND_MS });
    return { status, stdout, stderr };
  };

  it('starts nothing: no journal, no socket', () => {
    const args = ['--source', 'scripted', '--socket', '/nowhere/capture.sock', '--journal', '/nowhere/journal'];
    expect(check(...args)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('tells what is wrong', () => {
    expect(check('--source', 'scripted', '--linger', 'long')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'vslog-capture: --linger long must be a whole number from 0 to 10000.\n',
    });
  });
});
