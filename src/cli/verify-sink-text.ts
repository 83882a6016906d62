import type { Proof } from '../api/proof.js';
import type { Verification } from '../api/verification.js';
import type { SinkReport } from '../sink/comparison.js';
import type { ContentDifference, ContentReport } from '../sink/content.js';
import { type LackReport, lackText } from '../sink/lack.js';
import { plural, wholeText } from '../text/format.js';

/** How a line of a verification begins: all right, a failure, or something that is on its way. */
export type Mark = boolean | 'wait';

interface Line {
  readonly ok: Mark;
  readonly text: string;
}

/** Accepted, or found before the time from which on is judged. */
function lackIsRight({ accepted, found }: LackReport, sinceMs: number | undefined): boolean {
  return accepted || (sinceMs !== undefined && Date.parse(found) < sinceMs);
}

/** What is proven of one sink, and what is not. */
export function sinkLines(sink: SinkReport, sinceMs: number | undefined): Line[] {
  const {
    name,
    checked,
    reason,
    segments,
    events,
    missing,
    duplicates,
    expired,
    taken,
    differences,
    refused,
    waiting,
    away,
    lacks,
    doubt,
    content,
  } = sink;
  const lines: Line[] = [];
  const of = `${wholeText(events)} events of the ${wholeText(segments)} segments that the spool still has`;
  if (!checked) lines.push({ ok: false, text: `sink ${name}: not counted. ${reason}` });
  else if (differences.length === 0) lines.push({ ok: true, text: `sink ${name}: the same counts per node, epoch and hour, ${of}` });
  else
    lines.push({
      ok: false,
      text: `sink ${name}: of ${of} ${wholeText(missing)} are missing and ${wholeText(duplicates)} are there too often`,
    });
  if (checked && expired > 0)
    lines.push({
      ok: true,
      text: `sink ${name}: ${wholeText(expired)} events expired, no longer provable: they are older than it keeps them`,
    });
  if (taken > 0)
    lines.push({ ok: true, text: `sink ${name}: ${wholeText(taken)} events were in finished files that were taken or removed` });
  for (const { node, epoch, record, hour, expected, found, distinct } of differences.slice(0, 10)) {
    const when = new Date(hour * 1000).toISOString().slice(0, 13);
    lines.push({
      ok: false,
      text: `sink ${name}: ${node} ${epoch} ${record} ${when}h: ${wholeText(distinct)} of ${wholeText(expected)} events, ${wholeText(found)} copies (vslog replay --sink ${name} brings what is missing)`,
    });
  }
  if (differences.length > 10) lines.push({ ok: false, text: `sink ${name}: ${wholeText(differences.length - 10)} more hours differ` });
  if (content !== null) lines.push(...contentLines(name, content));
  if (doubt !== null) lines.push({ ok: sink.ok, text: `sink ${name}: its cursor is not believed. ${doubt}` });
  if (lacks !== null) lines.push({ ok: lackIsRight(lacks, sinceMs), text: `sink ${name}: ${lackText(name, lacks)}` });
  for (const { id, reason: why } of refused)
    lines.push({
      ok: false,
      text: `sink ${name}: segment ${id} was refused and is set aside (vslog replay --sink ${name} --refused): ${why}`,
    });
  if (waiting > 0)
    lines.push({
      ok: 'wait',
      text: `sink ${name}: ${plural(waiting, 'event')} in the spool, not delivered yet${away === null ? '' : `. It takes nothing now: ${away}`}`,
    });
  return lines;
}

function contentLines(name: string, content: ContentReport): Line[] {
  const { checked, reason, events, unknown, erasing, expired, derived, differences, more } = content;
  if (!checked) return [{ ok: false, text: `sink ${name}: content not compared. ${reason}` }];
  const lines: Line[] = [];
  if (content.ok)
    lines.push({
      ok: true,
      text: `sink ${name}: ${plural(events, 'event')} with the content that was delivered, by hash, and ${plural(derived, 'row')} made of them`,
    });
  if (unknown > 0)
    lines.push({
      ok: true,
      text: `sink ${name}: the content of ${plural(unknown, 'event')} is not compared: an earlier vslog kept no hash of it, or it came again in other segments`,
    });
  if (erasing > 0)
    lines.push({
      ok: 'wait',
      text: `sink ${name}: the content of ${plural(erasing, 'event')} is not compared while some of them are erased`,
    });
  if (expired > 0) lines.push({ ok: true, text: `sink ${name}: the content of ${plural(expired, 'event')} expired, no longer provable` });
  for (const one of differences) lines.push({ ok: false, text: `sink ${name}: ${differenceText(name, one)}` });
  if (more > 0) lines.push({ ok: false, text: `sink ${name}: content differs in ${wholeText(more)} more places` });
  return lines;
}

function differenceText(name: string, { table, node, epoch, hour, expected, found, segment, first, last }: ContentDifference): string {
  const when = new Date(hour * 1000).toISOString().slice(0, 13);
  const where = segment === null ? '' : ` of segment ${segment} (sequences ${first} to ${last})`;
  const mend = (options: string): string => `(vslog replay --sink ${name}${options})`;
  const what =
    found === expected
      ? `${plural(found, 'row')}${where}, and not all say what was delivered ${mend(' --replace')}`
      : found > expected
        ? `${plural(found, 'row')} in place of ${wholeText(expected)}${where} ${mend(' --replace')}`
        : `${wholeText(found)} of ${plural(expected, 'row')}${where} ${mend('')}`;
  return `${table} ${node} ${epoch} ${when}h: ${what}`;
}

/** What the verification proves and what it does not, a line. */
export function proofText({ content, counts, nothing }: Proof): string {
  const some = (names: readonly string[], what: string): string => (names.length === 0 ? '' : ` ${what}: ${names.join(', ')}.`);
  return `This proves against accidents, not against somebody who edits both the log and what it is compared with.${some(content, 'Content compared')}${some(counts, 'Only counts compared')}${some(nothing, 'Not compared')}`;
}

/** What the spool remembers of itself. */
export function stateLines({ checked, reason, newest, forgotten, missing, gone, ok }: Verification['state']): Line[] {
  const lines: Line[] = [];
  if (!checked) lines.push({ ok, text: `spool: what it ever sealed is not compared. ${reason}` });
  else if (missing.length === 0 && gone.every(({ excused }) => excused))
    lines.push({
      ok: true,
      text: `spool: everything that it ever sealed, ${plural(newest, 'segment')}, is there or was removed in order${forgotten > 0 ? `, but for the ${plural(forgotten, 'oldest epoch')}, which it does not remember` : ''}`,
    });
  for (const text of missing) lines.push({ ok: false, text: `spool: ${text}` });
  for (const { node, epoch, first, last, excused } of gone)
    lines.push({
      ok: excused,
      text: `spool: ${node} ${epoch}: sequences ${first} to ${last} were sealed, and neither spool nor store has them${excused ? ', which was lost before --since' : ''}`,
    });
  return lines;
}
