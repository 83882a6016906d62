import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRead, waitsIn } from './waits.js';

/** Folders below test/ that the rule holds for. Benchmarks measure time, and have a patience of their own. */
const HELD = ['unit', 'contract', 'e2e', 'browser', 'conformance', 'fault', 'gate', 'long', 'native', 'support', 'vm'];

/** What may hold them, below test/. */
const EXCEPT: Readonly<Record<string, string>> = {
  'support/patience.ts': 'the patience of every test in TypeScript',
  'native/patience.h': 'the patience of every test in C++',
  'vm/guest/wait.h': 'how the program waits that acts in virtual machines',
  'unit/rules/waits.test.ts': 'samples of what the rule refuses',
};

/** Of a folder below test/, without those above. */
const filesOf = (folder: string): string[] =>
  readdirSync(`test/${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isRead(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).replace(/^test\//, ''))
    .filter((path) => EXCEPT[path] === undefined);

describe('no test is decided by time', () => {
  it.each(HELD)('in test/%s', (folder) => {
    const files = filesOf(folder);
    expect(files.length).toBeGreaterThan(0);
    const found = files.flatMap((path) =>
      waitsIn(path, readFileSync(`test/${path}`, 'utf8')).map(({ line, what }) => `test/${path}:${line}: ${what}`),
    );
    expect(found).toEqual([]);
  });

  it('but by the helpers, which are there', () => {
    for (const path of Object.keys(EXCEPT)) expect(waitsIn(path, readFileSync(`test/${path}`, 'utf8')), path).not.toEqual([]);
  });
});

/** Lines that the rule finds. */
const linesOf = (path: string, text: string): number[] => waitsIn(path, text).map(({ line }) => line);

describe('the rule refuses in TypeScript', () => {
  it.each([
    ["import { setTimeout as wait } from 'node:timers/promises';"],
    ["import { setTimeout } from 'timers/promises';"],
    ["const { setTimeout: wait } = await import('node:timers/promises');"],
    ['await new Promise((resolve) => setTimeout(resolve, 5));'],
    ['await sleep(100);'],
    ["it('x', () => undefined, 60_000);"],
    ["it.each([1])('x', () => undefined, 60 * 1000);"],
    ["test('x', { timeout: 60_000 }, () => undefined);"],
    ["describe('x', () => undefined, 5000);"],
    ['beforeAll(async () => undefined, 60_000);'],
    ["const LONG = 60_000;\nit('x', () => undefined, LONG);"],
    ["const [a] = [1]; const LONG = 2 * 60_000; spawnSync('x', [], { timeout: LONG });"],
    ["execFileSync('x', { timeout: 5000 });"],
    ['await vi.waitFor(() => undefined, { timeout: 60_000, interval: 50 });'],
    ['await vi.waitFor(() => undefined, 5000);'],
    ['page.setDefaultTimeout(5000);'],
    ['fetch(url, { signal: AbortSignal.timeout(5000) });'],
    ['const end = Date.now() + 60_000;'],
    ['const end = 5000 + performance.now();'],
    ['while (Date.now() - began < 5000) look();'],
    ['if (10_000 < performance.now() - began) throw new Error();'],
    ['expect(performance.now() - began).toBeLessThan(500);'],
    ["must('for i in 1 2 3; do test -e x && exit 0; sleep 0.1; done');"],
    ['must(`\n  kill $pid\n  sleep 3; echo\n`);'],
  ])('%s', (text) => {
    expect(waitsIn('unit/x.test.ts', text)).not.toEqual([]);
  });
});

describe('the rule does not refuse in TypeScript', () => {
  it.each([
    ["import { pause, until, WAIT_MS } from '../support/patience.js';"],
    ["await until('it is there', () => there, { everyMs: 5 });"],
    ["await pause(5, 'another moment in each round');"],
    ["spawnSync('x', [], { timeout: COMMAND_MS });"],
    ["it('x', () => undefined, TEST_MS);"],
    ['const end = performance.now() + WAIT_MS;'],
    ["const config = { 'kafka.timeout': 1000, timeoutMs: 5000, service_timeout: '300', retryMinMs: 1 };"],
    ['const client = new Client({ timeoutMs: 5000, requestTimeout: WAIT_MS });'],
    ["const knob = { name: 'timeout_tcp', value: '900' };"],
    ['const expires = new Date(Date.now() + days * 86_400_000);'],
    ['const ago = Date.now() - 60_000;'],
    ['const seconds = (performance.now() - began) / 1000;'],
    ['expect(delays[1]).toBeLessThan(500);'],
    ['expect(status.retryAtMs).toBeGreaterThan(0);'],
    ['server.setTimeout(0);'],
    ['const step = { do: "sleep", seconds: 5 };'],
    ["engine.tell('sleep 1500');".replace('sleep', 'wait')],
    ["spawn('sleep', ['infinity']);"],
    ["must('exec sleep infinity');"],
    ['// await sleep(100);'],
    ["it('lets the timeout of 60_000 pass', () => undefined);"],
    ['new Traffic(port, 5000);'],
    ['await page.getByText("x").waitFor();'],
  ])('%s', (text) => {
    expect(waitsIn('unit/x.test.ts', text)).toEqual([]);
  });
});

describe('the rule in C++', () => {
  it.each([
    ['std::this_thread::sleep_for(delay);'],
    ["usleep(20'000);"],
    ['sleep(1);'],
    ['poll(nullptr, 0, 5);'],
    ['ASSERT_EQ(poll(&fd, 1, 5000), 1);'],
    ['ASSERT_TRUE(done.wait_for(lock, std::chrono::seconds(5)));'],
    ['ASSERT_TRUE(eventually([&] { return got; }, std::chrono::seconds(60)));'],
    ['const auto end = std::chrono::steady_clock::now() + 20s;'],
    ["const auto end = Clock::now() + std::chrono::milliseconds(20'000);"],
    ['bool eventually(Condition so, std::chrono::seconds bound = std::chrono::seconds(20)) {'],
    ['alarm(10);'],
  ])('refuses %s', (text) => {
    expect(linesOf('native/x_test.cc', `int one;\n${text}\n`)).toEqual([2]);
  });

  it.each([
    ['ASSERT_TRUE(eventually([&] { return got; }));'],
    ['const auto late = std::chrono::steady_clock::now() + longest_wait();'],
    ['pause(std::chrono::milliseconds(5), "another moment");'],
    ['options.timeout = std::chrono::seconds(900);'],
    ['clock.advance(std::chrono::seconds(5));'],
    ['EXPECT_EQ(entry.expires - now, 15s);'],
    ['poll(fds.data(), fds.size(), 0);'],
    ['poll(fds.data(), fds.size(), milliseconds);'],
    ['poll(&fd, 1, 5);'],
    ['if (verb == "sleep") return passage_of_time(words);'],
    ['must(words.size() == 2, "use sleep(MILLISECONDS)");'],
    ['// usleep(5);'],
    ['/* sleep(5);\n usleep(5); */'],
  ])('does not refuse %s', (text) => {
    expect(linesOf('native/x_test.cc', `${text}\n`)).toEqual([]);
  });
});

describe('the rule in a shell', () => {
  it.each(['sleep 1', '  sleep 0.2', 'while ! test -e x; do sleep 1; done', 'true && sleep $n', '(sleep 5; kill $1) &'])(
    'refuses %s',
    (text) => {
      expect(linesOf('vm/guest/init', `#!/bin/sh\n${text}\n`)).toEqual([2]);
    },
  );

  it.each(['exec sleep infinity', '# sleep 1', 'echo sleepy 5', 'nosleep 5'])('does not refuse %s', (text) => {
    expect(linesOf('vm/guest/run.sh', `#!/bin/sh\n${text}\n`)).toEqual([]);
  });
});

describe('a mark', () => {
  it('allows the wait in its line, and in the next one', () => {
    expect(linesOf('unit/x.ts', 'await sleep(1); // time: the kernel takes so long, whatever we do')).toEqual([]);
    expect(linesOf('unit/x.ts', '// time: the kernel takes so long, whatever we do\nawait sleep(1);')).toEqual([]);
    expect(linesOf('native/x.cc', 'usleep(1);  // time: the kernel takes so long, whatever we do')).toEqual([]);
    expect(linesOf('vm/guest/init', 'sleep 1 # time: the kernel takes so long, whatever we do')).toEqual([]);
    expect(linesOf('unit/x.ts', '// time: the kernel takes so long, whatever we do\n\nawait sleep(1);')).toEqual([1, 3]);
  });

  it('needs a reason, and something to allow', () => {
    expect(waitsIn('unit/x.ts', 'await sleep(1); // time: ok')).toEqual([{ line: 1, what: 'the mark needs a reason, in a few words' }]);
    expect(waitsIn('unit/x.ts', 'look(); // time: the kernel takes so long')).toEqual([
      { line: 1, what: 'this mark allows nothing: remove it' },
    ]);
  });
});
