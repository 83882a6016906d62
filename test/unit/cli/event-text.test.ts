import { describe, expect, it } from 'vitest';
import type { LogEvent } from '../../../src/cli/event.js';
import { plainEvent } from '../../../src/cli/event-json.js';
import { prettyEvent } from '../../../src/cli/event-text.js';
import { authorText } from '../../../src/cli/knob/text.js';
import { v1 } from '../../../src/wire/proto.js';

const { vslog, unknown } = v1.Through.Value;

type Fields = Parameters<typeof v1.ControlEvent.encode>[0];

/** A change of a knob in the log, as it may have been written before texts were made plain. */
function change(fields: Fields): LogEvent {
  const known = {
    kind: v1.ControlKind.Value.knob_changed,
    name: 'drop_entry',
    old_value: '0',
    new_value: '1',
    through: vslog,
    pid: 12,
    uid: 1000,
  };
  const bytes = v1.ControlEvent.encode({ ...known, ...fields }).finish();
  return { record: 'control', node: 'a', epoch: 'e', event: v1.ControlEvent.decode(bytes) } as LogEvent;
}

/** Without time and kind. */
const line = (fields: Fields): string => prettyEvent(change(fields)).replace(/^\S+ \S+ +/, '');

describe('an event for people', () => {
  it('names the program, its pid and user', () => {
    expect(line({ command: 'vslog knob set drop_entry=1' })).toBe(
      'drop_entry, 0 -> 1, by vslog knob set drop_entry=1 (pid 12, uid 1000)\n',
    );
  });

  it('says that the program is unknown where a process asked that had ended', () => {
    expect(line({ command: '' })).toBe('drop_entry, 0 -> 1, by an unknown program (pid 12, uid 1000)\n');
    expect(line({ command: '', pid: 0 })).toBe('drop_entry, 0 -> 1\n');
    expect(line({ command: '', through: unknown })).toBe('drop_entry, 0 -> 1\n');
  });

  it('shows what a terminal would obey, and quotes what looks like words of ours', () => {
    const bad = '\x1b]0;owned\x07\x1b[2K\r\n\u009b8m\u202e';
    const shown = '\\x1b]0;owned\\x07\\x1b[2K\\x0d\\x0a\\u009b8m\\u202e';
    expect(line({ name: bad, old_value: bad, new_value: bad, command: bad, detail: bad })).toBe(
      `${shown}, ${shown} -> ${shown}, by ${shown} (pid 12, uid 1000), ${shown}\n`,
    );
    expect(line({ command: 'vslog (pid 1, uid 0)' })).toContain(', by "vslog (pid 1, uid 0)" (pid 12, uid 1000)');
  });

  it('is whole in JSON', () => {
    expect(plainEvent(change({ command: '\x1b\u202e' }))).toMatchObject({ command: '\x1b\u202e' });
  });
});

describe('an author', () => {
  const known = { uid: 1000, loginUid: 1000, pid: 12, command: 'sysctl -w', parentPid: 7, parentCommand: 'bash', through: 'sysctl' };

  it('is an unknown program when it had ended', () => {
    expect(authorText({ ...known, command: '', parentPid: 0, parentCommand: '', through: 'vslog' })).toBe(
      'by an unknown program (pid 12, uid 1000, login uid 1000), through vslog',
    );
  });

  it('cannot write on the terminal', () => {
    expect(authorText({ ...known, command: '\x1b[2J', parentCommand: 'x\r(pid 1)' })).toBe(
      'by \\x1b[2J (pid 12, uid 1000, login uid 1000), parent "x\\x0d(pid 1)" (pid 7), through sysctl',
    );
  });
});
