import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ChosenSource, chooseSource } from '../../../src/cli/capture-source.js';
import { nextSteps, sourceText } from '../../../src/cli/demo-text.js';
import { Failure } from '../../../src/cli/failure.js';
import { captureArguments } from '../../../src/cli/native.js';
import { type Config, loadConfig } from '../../../src/config/load.js';
import { withDirectory } from '../support/temporary.js';

const REFUSAL = 'echo "vslog-capture: no ip_vs here." >&2; exit 4';
/** No source of the kernel can run. */
const NONE = `case "$*" in *"source ipvs"*) ${REFUSAL};; *"source conntrack"*) echo "vslog-capture: nothing is tracked." >&2; exit 4;; esac`;

/** Chooses with a capture that is this shell script; `$*` is its command line. What it is asked is that, and what it gets by a descriptor. */
async function choose(
  toml: string,
  script: string,
  look: (chosen: ChosenSource, config: Config, asked: string[]) => void = () => undefined,
): Promise<void> {
  await withDirectory(async (dir) => {
    const [binary, log, file] = ['capture', 'log', 'vslog.toml'].map((name) => join(dir, name)) as [string, string, string];
    writeFileSync(
      binary,
      `#!/bin/sh\necho "$*$(case "$*" in *"--options-fd 0"*) tr "\\0" " " | sed "s/^/ | /";; esac)" >> ${log}\n${script}\n`,
    );
    chmodSync(binary, 0o755);
    writeFileSync(file, toml);
    const config = loadConfig({
      file,
      machine: { root: true, uid: 0, home: '/root', env: { VSLOG_CAPTURE_BINARY: binary } },
    });
    const chosen = await chooseSource(config);
    try {
      look(chosen, config, readFileSync(log, 'utf8').trimEnd().split('\n'));
    } finally {
      await chosen.demonstration?.stop();
    }
  });
}

async function refusal(toml: string, script: string): Promise<Failure> {
  const error = await choose(toml, script).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error('It was not refused.', { cause: error });
}

const SERVICE = '[[service]]\nat = "tcp://127.0.0.1:80"\nreal = [{ at = "127.0.0.1:81" }]\n';
const ENGINE = '[capture]\nsource = "engine"\n';

describe('source auto', () => {
  it('is ipvs where the capture would take that', async () => {
    await choose('', 'exit 0', (chosen, config, asked) => {
      expect(chosen).toMatchObject({ plan: { source: 'ipvs' }, auto: true, instead: [], demonstration: undefined });
      expect(asked).toEqual([expect.stringMatching(/^--source ipvs .* --check$/)]);
      expect(sourceText(chosen)).toEqual([]);
      expect(nextSteps(config, chosen, { sql: true })).toEqual([]);
    });
  });

  it('is conntrack where only that would run, says what is recorded, and how to see the demonstration', async () => {
    const toml = '[conntrack]\nprotocol = "tcp,udp"\nbuffer = "1M"\nresync = 5\nreliable = true\n';
    await choose(toml, `case "$*" in *"source ipvs"*) ${REFUSAL};; esac`, (chosen, config, asked) => {
      expect(chosen).toMatchObject({ plan: { source: 'conntrack' }, demonstration: undefined });
      expect(sourceText(chosen)).toEqual([
        "Not the kernel's balancer: no ip_vs here.",
        expect.stringMatching(/^Instead, the kernel's connection tracking is watched: .*\.$/),
        expect.stringMatching(/demonstration.*: --source engine\.$/),
      ]);
      expect(asked).toHaveLength(2);
      expect(asked[0]).not.toContain('--conntrack');
      expect(asked[1]).toContain(
        '--conntrack-events create,expire --conntrack-protocol tcp,udp --conntrack-delivery auto --conntrack-buffer 1048576 --conntrack-queue 67108864 --conntrack-resync 5 --conntrack-reliable --check',
      );
      const [tail, sql] = nextSteps(config, chosen, { sql: true });
      expect(tail).toMatch(/ tail$/);
      expect(sql).toMatch(/ sql "select .*virtual_addr.* from connections .*"$/);
    });
  });

  it('is the engine with a demonstration where neither would, and says why', async () => {
    await choose('', NONE, (chosen, config, asked) => {
      expect(chosen.plan.source).toBe('engine');
      expect(chosen.instead).toEqual([
        { source: 'ipvs', sentence: 'no ip_vs here.' },
        { source: 'conntrack', sentence: 'nothing is tracked.' },
      ]);
      expect(sourceText(chosen)).toEqual([
        "Not the kernel's balancer: no ip_vs here.",
        "Not the kernel's connection tracking: nothing is tracked.",
        expect.stringMatching(/^Instead, vslog's own balancer runs with a demonstration: http:\/\/127\.0\.0\.1:\d+\/ /),
      ]);
      const [curl, tail, sql] = nextSteps(config, chosen, { sql: true });
      const port = chosen.demonstration?.httpPort;
      expect(curl).toBe(`curl http://127.0.0.1:${port}/`);
      expect(tail).toMatch(new RegExp(` tail.* --vs 127\\.0\\.0\\.1:${port}$`));
      expect(sql).toMatch(/ sql .*"select .* from connections .*"$/);
      expect(asked[2]).toContain(` --options-fd 0 --check | --service tcp://127.0.0.1:${port} --scheduler wrr --real `);
      expect(captureArguments(chosen.plan)).toContain('timeout_udp=5');
    });
  });

  it('is the engine with the configured services, without a demonstration, also where conntrack would run', async () => {
    await choose(SERVICE, `case "$*" in *"source ipvs"*) ${REFUSAL};; esac`, (chosen, _config, asked) => {
      expect(chosen.demonstration).toBeUndefined();
      expect(sourceText(chosen).slice(1)).toEqual([
        expect.stringMatching(/^Not the kernel's connection tracking: what is configured is for a balancer of our own; /),
        "Instead, vslog's own balancer runs, with tcp://127.0.0.1:80.",
      ]);
      expect(asked.join('\n')).not.toContain('--source conntrack');
    });
    await choose(SERVICE, 'exit 0', (chosen) => {
      expect(chosen.plan.source).toBe('ipvs');
      expect(sourceText(chosen)).toEqual([expect.stringMatching(/vslog\.toml:1 on are for --source engine and do not run\.$/)]);
    });
  });

  it('is no way around a wrong configuration', async () => {
    expect(await refusal('', 'echo "vslog-capture: --ring-size is wrong." >&2; exit 2')).toMatchObject({
      exit: 2,
      message: '--ring-size is wrong.',
    });
  });
});

describe('a source that was named', () => {
  it('is refused with what else there is', async () => {
    expect(await refusal('[capture]\nsource = "conntrack"\n', 'echo "vslog-capture: nothing is tracked." >&2; exit 4')).toMatchObject({
      exit: 4,
      message: expect.stringMatching(/^nothing is tracked\.\nWhat else to try: /),
    });
    expect(await refusal('[capture]\nsource = "ipvs"\n', REFUSAL)).toMatchObject({
      exit: 4,
      message: expect.stringMatching(/^no ip_vs here\.\nWhat else to try: /),
    });
  });

  it('is asked before anything starts; what the capture says has the place in the configuration', async () => {
    const knob = await refusal(
      `${ENGINE}[engine.knobs]\ndrop_entri = 1\n${SERVICE}`,
      'echo "vslog-capture: --knob drop_entri=1: there is no such knob." >&2; exit 2',
    );
    expect(knob.message).toMatch(/vslog\.toml:4: --knob drop_entri=1: there is no such knob\.$/);
    const knobs = await refusal(
      `${ENGINE}[engine.knobs]\nsloppy_tcp = 2\ntimeout_tcp = 0\n${SERVICE}`,
      'echo "vslog-capture: --knob sloppy_tcp=2: no." >&2; echo "vslog-capture: --knob timeout_tcp=0: no." >&2; exit 2',
    );
    expect(knobs.message).toMatch(/^\S+vslog\.toml:4: --knob sloppy_tcp=2: no\.\n\S+vslog\.toml:5: --knob timeout_tcp=0: no\.$/);
    const service = await refusal(`${ENGINE}${SERVICE}`, 'echo "vslog-capture: service tcp://127.0.0.1:80 cannot be." >&2; exit 2');
    expect(service.message).toMatch(/vslog\.toml:3: service tcp:\/\/127\.0\.0\.1:80 cannot be\.$/);
  });

  it('needs no demonstration with synthetic load, and gets only its own options', async () => {
    await choose(`${ENGINE}[engine]\nload = true\nload_rate = 5`, 'exit 0', ({ plan, demonstration }) => {
      expect(demonstration).toBeUndefined();
      const args = captureArguments(plan).join(' ');
      expect(args).toContain('--load --load-rate 5 ');
      expect(args).not.toContain('--scripted');
    });
    await choose('[capture]\nsource = "scripted"\n', 'exit 0', ({ plan }) => {
      const args = captureArguments(plan).join(' ');
      expect(args).toContain('--scripted-rate 1000');
      expect(args).not.toMatch(/--load|--engine|--service|--conntrack/);
    });
  });

  it('gets services without end by a descriptor: no call and no command line has room for them', async () => {
    const reals = Array.from({ length: 5 }, (_, i) => `{ at = "10.${i}.0.1:80" }`).join(', ');
    const at = (i: number): string => `tcp://127.${i >> 16}.${(i >> 8) & 255}.${i & 255}:80`;
    const many = Array.from({ length: 20_000 }, (_, i) => `[[service]]\nat = "${at(i)}"\nreal = [${reals}]\n`).join('');
    await choose(`${ENGINE}${many}`, 'exit 0', ({ plan }, _config, asked) => {
      expect(plan.services).toHaveLength(20_000);
      expect(captureArguments(plan).join(' ').length).toBeLessThan(4096);
      expect(asked[0]?.match(/--real /g)).toHaveLength(100_000);
    });
    const wrong = await refusal(
      `${ENGINE}${many}${SERVICE.replaceAll(':80', ':8080')}`,
      'echo "vslog-capture: service tcp 127.0.0.1:8080: another process has this address." >&2; exit 3',
    );
    expect(wrong.message).toMatch(/vslog\.toml:60003: service tcp/);
  });

  it('that does not say why is told by its exit code', async () => {
    expect(await refusal('', 'exit 1')).toMatchObject({ exit: 1, message: expect.stringMatching(/--check ended with code 1\.$/) });
  });
});
