// The judgement on a story, the same whichever balancer it was told by.
import { v1 } from '../../src/wire/proto.js';
import { type Entry, idOf } from './entry.js';
import type { Scenario, Step } from './scenario.js';
import { Story } from './story.js';

/** Every create and snapshot has its one end, and nothing ends twice. */
function unpaired(entries: readonly Entry[]): string[] {
  const [begun, ended] = [new Map<string, number>(), new Map<string, number>()];
  for (const { conn } of entries) {
    if (conn === undefined) continue;
    const kinds = v1.EventKind.Value;
    const id = idOf(conn.conn_id);
    if (conn.kind === kinds.create || conn.kind === kinds.snapshot) begun.set(id, (begun.get(id) ?? 0) + 1);
    if (conn.kind === kinds.expire) ended.set(id, (ended.get(id) ?? 0) + 1);
  }
  const wrong = [...begun]
    .filter(([id, n]) => n !== 1 || ended.get(id) !== 1)
    .map(([id, n]) => `connection ${id}: ${n} begins, ${ended.get(id) ?? 0} ends`);
  return [...wrong, ...[...ended.keys()].filter((id) => !begun.has(id)).map((id) => `connection ${id}: ended without a begin`)];
}

/** Ends of one reason in whose order there is chance: timers that are due at about the same time (kernel/time/timer.c), and a walk through the connection table. */
const UNORDERED = /^expire .*reason=(timeout|template_quiesced|nodest|service_removed)$/;

/** A quiesced template ends by its timer, as any other. */
const kindOfEnd = (reason: string): string => (reason === 'template_quiesced' ? 'timeout' : reason);

/** The story with runs of such ends as sets. */
function comparable(story: readonly string[]): string[] {
  const lines: string[] = [];
  let run: string[] = [];
  let reason = '';
  for (const line of [...story, '']) {
    const found = kindOfEnd(UNORDERED.exec(line)?.[1] ?? '');
    if (found === '' || found !== reason) {
      lines.push(...run.sort());
      run = [];
    }
    if (found === '') lines.push(line);
    else run.push(line);
    reason = found;
  }
  return lines.slice(0, -1);
}

function difference(expected: readonly string[], got: readonly string[]): string {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(expected.length, got.length); ++i) {
    if (expected[i] === got[i]) lines.push(`      ${got[i]}`);
    else {
      if (expected[i] !== undefined) lines.push(`    - ${expected[i]}`);
      if (got[i] !== undefined) lines.push(`    + ${got[i]}`);
    }
  }
  return `the story is another (- expected, + got):\n${lines.join('\n')}`;
}

/** The story so far is at least as long as the scenario expects. */
export function isComplete(scenario: Scenario, story: readonly string[]): boolean {
  if (scenario.expect !== undefined) return story.length >= scenario.expect.length;
  return Object.entries(scenario.totals ?? {}).every(([text, count]) => story.filter((line) => line.includes(text)).length >= count);
}

/** What a step that failed is told with. */
export function soFar(index: number, step: Step, error: unknown, story: readonly string[]): string {
  const lines = story.map((line) => `      ${line}`).join('\n');
  return `step ${index + 1} (${step.do}): ${error instanceof Error ? error.message : String(error)}\n    the story so far:\n${lines}`;
}

/** What is wrong with a story that is over; nothing when it is the one that the scenario expects. `gaps`: sequences that are missing from the log. */
export function judge(scenario: Scenario, entries: readonly Entry[], gaps: readonly string[]): string | undefined {
  const story = Story.tell(entries, scenario.show);
  if (scenario.expect !== undefined) {
    const [expected, got] = [comparable(scenario.expect), comparable(story)];
    if (expected.join('\n') !== got.join('\n')) return difference(expected, got);
  }
  for (const [text, count] of Object.entries(scenario.totals ?? {})) {
    const found = story.filter((line) => line.includes(text)).length;
    if (found !== count)
      return `"${text}" stands in ${found} lines and not in ${count}:\n${story
        .slice(-40)
        .map((line) => `      ${line}`)
        .join('\n')}`;
  }
  if (scenario.exact_loss !== undefined) {
    const { text, of } = scenario.exact_loss;
    const lost = entries.reduce((sum, { control }) => sum + (control === undefined ? 0 : Number(idOf(control.lost))), 0);
    const told = story.filter((line) => line.includes(text)).length;
    if (lost === 0 || lost !== of - told) return `the loss records count ${lost}; of ${of} events "${text}" the story tells ${told}`;
  }
  if (scenario.paired) {
    const wrong = unpaired(entries);
    if (wrong.length > 0) return `begins and ends do not pair: ${wrong.slice(0, 5).join('; ')}`;
  }
  if (gaps.length > 0) return `sequences are missing: ${gaps.join(', ')}`;
  return undefined;
}
