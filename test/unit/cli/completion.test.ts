import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completionScripts } from '../../../src/cli/completion-scripts.js';
import { candidates } from '../../../src/cli/completion-words.js';
import { program } from '../../../src/cli/program.js';
import { commandName, knobs } from '../../../src/knob/catalogue.js';
import { withDirectory } from '../support/temporary.js';

const vslog = await program();

/** What the last word of a command line may become; it is empty after a blank. */
function words(line: string): string[] {
  return candidates(vslog, line.split(' ')).map(({ word }) => word);
}

describe('candidates', () => {
  it('are commands and subcommands', () => {
    expect(words('comp')).toEqual(['completion']);
    expect(words('')).toEqual(expect.arrayContaining(['up', 'knob', 'conn']));
    expect(words('knob ')).toEqual(expect.arrayContaining(['ls', 'set', ...knobs.map(commandName)]));
    expect(words('completion ')).not.toContain('words');
  });

  it('are options, and words that these take', () => {
    expect(words('knob ls --ch')).toEqual(['--changed']);
    expect(words('conn expire --dry')).toEqual(['--dry-run']);
    expect(words('tail --output ')).toEqual(['pretty', 'json', 'jsonl', 'protobuf']);
    expect(words('tail --output=pre')).toEqual(['--output=pretty']);
    expect(words('up --source e')).toEqual(['engine']);
    expect(words('knob ls --group exp')).toEqual(['expiry']);
    expect(words('knob ls --socket ')).toEqual([]);
  });

  it('are knobs, where knobs are taken', () => {
    for (const command of ['get', 'explain', 'log', 'reset', 'watch'])
      expect(words(`knob ${command} expire_n`)).toEqual(['expire_nodest_conn']);
    expect(words('knob get drop_entry drop_p')).toEqual(['drop_packet']);
    expect(words('knob explain drop_entry ')).toEqual([]);
    expect(words('knob set expire_n')).toEqual(['expire_nodest_conn=']);
    expect(words('knob set drop_entry=1 --dry-run expire_n')).toEqual(['expire_nodest_conn=']);
    expect(words('knob set conn_tab')).toEqual([]);
    expect(words('knob apply ')).toEqual([]);
  });

  it('are values', () => {
    expect(words('knob set expire_nodest_conn=')).toEqual(['expire_nodest_conn=0', 'expire_nodest_conn=1']);
    expect(words('knob set drop_entry=3')).toEqual(['drop_entry=3']);
    expect(words('knob conn-reuse-mode ')).toEqual(['0', '1', '2', '3']);
    expect(words('knob conn_reuse_mode --netns blue ')).toEqual(['0', '1', '2', '3']);
    expect(words('knob service-scheduler --vs tcp://10.0.0.1:80 wl')).toEqual(['wlc']);
    expect(words('knob conn-reuse-mode 1 ')).toEqual([]);
  });

  it('say what they are', () => {
    const [one] = candidates(vslog, ['knob', 'get', 'expire_n']);
    expect(one?.doc).toMatch(/^A connection whose real server was removed/);
  });
});

/** What bash offers for a line, as it calls the function: COMP_WORDS are the pieces between COMP_WORDBREAKS. */
function inBash(directory: string, line: string): string[] {
  writeFileSync(join(directory, 'vslog.bash'), completionScripts.bash);
  const vslog = join(directory, 'vslog');
  writeFileSync(
    vslog,
    `#!/bin/sh\nexec '${process.execPath}' --import '${resolve('node_modules/tsx/dist/esm/index.mjs')}' '${resolve('src/main.ts')}' "$@"\n`,
  );
  chmodSync(vslog, 0o755);
  const pieces: string[] = [...(line.match(/[=:]|[^\s=:]+/g) ?? [])];
  if (/[\s=:]$/.test(line)) pieces.push('');
  const script = `
    source vslog.bash
    complete -p vslog >/dev/null || exit 9
    COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
    COMP_LINE=$1 COMP_POINT=\${#1}
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _vslog
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const out = execFileSync('bash', ['--norc', '-c', script, 'bash', line, ...pieces], {
    cwd: directory,
    env: { ...process.env, PATH: `${directory}:${process.env.PATH ?? ''}` },
    encoding: 'utf8',
  });
  return out.split('\n').filter((word) => word !== '');
}

describe('the script for bash', () => {
  it('completes knobs, and values behind the =, which bash splits off', async () => {
    await withDirectory(async (directory) => {
      expect(inBash(directory, 'vslog knob set expire_n')).toEqual(['expire_nodest_conn=']);
      expect(inBash(directory, 'vslog knob set expire_nodest_conn=')).toEqual(['0', '1']);
      expect(inBash(directory, 'vslog knob ls --group exp')).toEqual(['expiry']);
      expect(inBash(directory, 'vslog knob apply ')).toEqual([]);
    });
  });
});

describe('the other scripts', () => {
  it('ask the same command', () => {
    for (const script of Object.values(completionScripts)) expect(script).toContain('completion words --');
    expect(completionScripts.zsh).toMatch(/^#compdef vslog\n/);
    expect(completionScripts.fish).toContain('complete -c vslog');
  });
});
