import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlEvent, eventsOf } from '../../src/cli/event.js';
import { prettyEvent } from '../../src/cli/event-text.js';
import { plainOutput, plainText } from '../../src/text/plain.js';
import { CaptureClient } from '../../src/wire/client.js';
import { encodeFrame } from '../../src/wire/frame.js';
import { FrameFlag, MessageType, PROTOCOL_VERSION } from '../../src/wire/message.js';
import { v1 } from '../../src/wire/proto.js';
import { Administered } from '../e2e/support/administered.js';
import { CAPTURE } from '../e2e/support/conntrack-capture.js';
import { unprivileged } from '../e2e/support/vslog.js';
import { until, WAIT_MS } from '../support/patience.js';
import { freePorts } from '../support/ports.js';
import { keepLogOf } from '../support/process-logs.js';

const ROOT = join(import.meta.dirname, '../..');

/** Begins as a formula, sets the title, clears the screen, hides what follows, and turns the direction of reading. */
const EVIL = '=cmd\x1b]0;owned\x07\x1b[2J\x1b[8m\u009b8m\r\u202egnp.exe\u2066\x7f';
const SHOWN = '=cmd\\x1b]0;owned\\x07\\x1b[2J\\x1b[8m\\u009b8m\\x0d\\u202egnp.exe\\u2066\\x7f';

/** What a terminal would obey in it, but for lines and our colours. */
const hidden = (text: string): boolean => plainOutput(text) !== text;

async function engineOptions(): Promise<string[]> {
  const [port = 0, real = 0] = await freePorts(2);
  return ['--service', `tcp://127.0.0.1:${port}`, '--real', `127.0.0.1:${real}`];
}

describe('a program with a name of escape sequences', () => {
  let administered: Administered;

  beforeAll(async () => {
    administered = new Administered(await engineOptions());
    await administered.begin();
  });

  afterAll(async () => {
    await administered.end();
    administered.clean();
  });

  /** Sets a knob by our own command line, under that name, below a parent whose short name is as bad. */
  async function attack(assignment: string): Promise<void> {
    const set = [join(ROOT, 'dist/main.js'), 'knob', 'set', assignment, '--socket', join(administered.vslog.dir, 'capture.sock')];
    const run = `process.title = ${JSON.stringify('\x1b[8m\u202eroot')};
      const { status, stderr } = require('node:child_process').spawnSync(process.execPath, ${JSON.stringify(set)}, { argv0: ${JSON.stringify(EVIL)}, encoding: 'utf8' });
      process.stderr.write(stderr); process.exit(status);`;
    const child = spawn(process.execPath, ['-e', run], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HOME: administered.vslog.dir },
      ...unprivileged(),
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, said }).toEqual({ code: 0, said: '' });
  }

  it('is shown, and obeyed by nothing', async () => {
    const { vslog } = administered;
    const tail = vslog.start('tail', '--kind', 'knob_changed', '-n', '1');
    const json = vslog.start('tail', '--kind', 'knob_changed', '-n', '1', '-o', 'jsonl');
    const watch = vslog.start('knob', 'watch');
    const status = join(vslog.dir, 'capture.sock');
    const client = new CaptureClient({ path: status, timeoutMs: WAIT_MS });
    await client.connect();
    await until('all three watch', async () => ((await client.sourceStatus()).live ?? 0) >= 3);
    client.close();

    await attack('expire_nodest_conn=1');
    const [change] = await administered.logged(1, 'knob_changed');
    expect(change).toMatchObject({ command: expect.stringMatching(/^=cmd/), parent_command: '\\x1b[8m\\u202eroot' });
    expect(change?.command).toContain(`${SHOWN} `);

    expect(await tail.ended).toBe(0);
    expect(tail.said).toContain(`by ${SHOWN} `);
    expect(await json.ended).toBe(0);
    await watch.says(/owned/);
    const outputs = [
      tail.said,
      json.said,
      watch.said,
      ...(
        await Promise.all([
          vslog.ran('report', 'changes'),
          vslog.ran('report', 'changes', '-o', 'vertical'),
          vslog.ran('report', 'changes', '--json'),
          vslog.ran('knob', 'log', 'expire_nodest_conn'),
          vslog.ran('sql', '--format', 'table', 'SELECT command, parent_command FROM control_events'),
        ])
      ).map(({ out }) => out),
    ];
    for (const out of outputs) {
      expect(out).toContain('owned');
      expect(hidden(out), JSON.stringify(out)).toBe(false);
    }
  });

  it('is no formula in a spreadsheet', async () => {
    const { vslog } = administered;
    const report = (await vslog.ran('report', 'changes', '-o', 'csv')).out;
    expect(report).toContain(`,'${SHOWN} `);
    expect(plainText(report.replaceAll('\r\n', ''))).toBe(report.replaceAll('\r\n', ''));
    const csv = (await vslog.ran('sql', '--format', 'csv', "SELECT command, -5 AS n FROM control_events WHERE kind = 'knob_changed'")).out;
    expect(csv).toMatch(/\n"'=cmd[^\n]*",-5\n$/);
  });
});

describe('a program that ends, whose pid another one gets', () => {
  let dir = '';
  let stage: ChildProcess;
  let said = '';
  let client: CaptureClient;
  const told: ControlEvent[] = [];

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'vslog-attack-'));
    const socket = join(dir, 'capture.sock');
    const hello = v1.Hello.encode({ version_min: PROTOCOL_VERSION, version_max: PROTOCOL_VERSION, software: 'test' }).finish();
    const change = v1.KnobSet.encode({ assignments: [{ name: 'expire_nodest_conn', value: '1' }] }).finish();
    const frame = (type: number, sequence: number, payload: Uint8Array): string =>
      encodeFrame(type, FrameFlag.request, sequence, 0, payload).toString('hex');
    const options = ['--source', 'engine', '--with-parent', '--socket', socket, '--journal', join(dir, 'journal'), '--journal-size', '8M'];
    const capture = [CAPTURE, ...options, ...(await engineOptions())];
    const own = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    const play = [process.execPath, join(import.meta.dirname, 'pid-reuse.mjs'), ...capture];
    stage = spawn('unshare', [...own, '--pid', '--fork', '--kill-child', '--mount-proc', ...play], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        SOCKET: socket,
        HELLO: frame(MessageType.controlHello, 1, hello),
        CHANGE: frame(MessageType.knobSet, 2, change),
      },
    });
    for (const stream of [stage.stdout, stage.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    keepLogOf('the play', () => said);
    await says(/ready:/);
    client = new CaptureClient({
      path: socket,
      timeoutMs: WAIT_MS,
      handlers: {
        onBatch: (batch) => {
          for (const log of eventsOf(batch)) if (log.record === 'control') told.push(log.event);
        },
      },
    });
    await client.connect();
    await client.subscribeLive({ groups: ['knob'] });
  });

  afterAll(async () => {
    client?.close();
    const ended = stage.exitCode === null && stage.signalCode === null ? once(stage, 'exit') : undefined;
    stage.stdin?.end('the end\n');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });

  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    until(`${pattern} in the play`, () => {
      if (stage.exitCode !== null) throw new Error(`The play ended: ${said}`);
      return pattern.exec(said) ?? undefined;
    });

  it('is an unknown program in the log, and never the other one', async () => {
    stage.stdin?.write('begin\n');
    const pid = Number((await says(/pid (\d+) is another's/))[1]);
    const change = await until('the change', () => told[0]);
    expect(change).toMatchObject({
      name: 'expire_nodest_conn',
      new_value: '1',
      pid,
      uid: 0,
      command: '',
      parent_pid: 0,
      parent_command: '',
    });
    const line = prettyEvent({ record: 'control', node: '', epoch: '', event: change });
    expect(line).toContain(`by an unknown program (pid ${pid}, uid 0)`);
    expect(JSON.stringify(change)).not.toContain('innocent');
  });
});
