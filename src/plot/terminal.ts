import { axisText, clockText } from '../text/moment.js';
import { plainValue } from '../text/plain.js';
import { shortened, widthOf } from '../text/table.js';
import { largest, smallest } from './extremes.js';
import type { Bars, Heat, Lines, Plot, Spans } from './plot.js';
import { valueText } from './text.js';

export interface TerminalStyle {
  /** Columns. */
  readonly width: number;
  /** Only characters of ASCII. */
  readonly ascii: boolean;
  readonly colours: boolean;
  /** In which times are written. */
  readonly zone: string;
}

/** How full a character is, from nothing to all. */
const UPRIGHT = { unicode: ' ▁▂▃▄▅▆▇█', ascii: ' .:-=+*#@' };
const SHADES = { unicode: ' ░▒▓█', ascii: ' .:*#' };
/** A bar, or a line, is so wide at least, columns. */
const LEAST_ROOM = 8;
/** Parts of a bar, told apart without colours. */
const FILLS = { unicode: '█▓▒░▚▞▖▘▝▗▄', ascii: '#=+-o*x%~@&' };
/** Of the palette of 256 that people who see few colours tell apart too (Okabe and Ito). */
const COLOURS = [32, 208, 36, 172, 75, 227, 175, 245, 130, 99, 66];

/** The picture as lines of text, each ending with a line feed. */
export function drawPlot(plot: Plot, style: TerminalStyle): string {
  const width = Math.max(40, style.width);
  const plain = plainValue(plot);
  const lines = [shortened(plain.title, width), ...bodyOf(plain, { ...style, width })];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function bodyOf(plot: Plot, style: TerminalStyle): string[] {
  switch (plot.kind) {
    case 'bars':
      return bars(plot, style);
    case 'lines':
      return lines(plot, style);
    case 'heat':
      return heat(plot, style);
    case 'spans':
      return spans(plot, style);
  }
}

function bars({ bars, unit }: Bars, style: TerminalStyle): string[] {
  const names = [...new Set(bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const totals = bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0));
  const numbers = totals.map((total) => valueText(total, unit));
  const most = Math.max(0, largest(totals, 0));
  const figures = widest(numbers, style.width);
  const label = widest(
    bars.map((bar) => bar.label),
    labelRoom(style.width / 3, figures, style),
  );
  const room = Math.max(LEAST_ROOM, style.width - label - figures - 4);
  const drawn = bars.map((bar, i) => {
    let text = '';
    let [sum, done] = [0, 0];
    for (const { name, value } of bar.parts) {
      sum += value;
      const until = most === 0 ? 0 : Math.round((sum / most) * room);
      text += painted(fill(names.indexOf(name), style).repeat(until - done), names.indexOf(name), style);
      done = until;
    }
    return `${fitted(bar.label, label)}  ${text}${' '.repeat(room - done)}  ${numbers[i]}`;
  });
  return names.length < 2 ? drawn : [...drawn, ...legend(names, style)];
}

/** What each part is, in as many lines as that takes. */
function legend(names: readonly string[], style: TerminalStyle): string[] {
  const rows: string[] = [];
  let [row, taken] = ['', 0];
  for (const [i, name] of names.entries()) {
    const text = shortened(name, style.width - 2);
    const wide = widthOf(text) + 2;
    if (taken > 0 && taken + 3 + wide > style.width) {
      rows.push(row);
      [row, taken] = ['', 0];
    }
    row += `${taken === 0 ? '' : '   '}${painted(fill(i, style), i, style)} ${text}`;
    taken += (taken === 0 ? 0 : 3) + wide;
  }
  return [...rows, row];
}

/** Of more marks than that the first are told, and how many more there are. */
const MARKS_TOLD = 10;

/** A row of characters a line, each as high as the value: the highest of the values that share a character. */
function lines({ lines, begin, step, marks }: Lines, style: TerminalStyle): string[] {
  const count = largest(
    lines.map(({ values }) => values.length),
    0,
  );
  if (count === 0) return [];
  const tops = lines.map(({ values, unit }) => `max ${valueText(Math.max(0, largest(values, 0)), unit)}`);
  const figures = widest(tops, style.width);
  const label = widest(
    lines.map(({ name }) => name),
    labelRoom(style.width / 4, figures, style),
  );
  const room = Math.min(count, Math.max(LEAST_ROOM, style.width - label - figures - 4));
  const glyphs = UPRIGHT[style.ascii ? 'ascii' : 'unicode'];
  const column = (at: number): number => Math.min(room - 1, Math.max(0, Math.floor(((at - begin) / step / count) * room)));
  const drawn = lines.map(({ name, values }, i) => {
    const most = Math.max(0, largest(values, 0));
    const cells = Array.from({ length: room }, (_, at) => {
      const from = Math.floor((at * count) / room);
      const value = Math.max(0, largest(values.slice(from, Math.max(from + 1, Math.floor(((at + 1) * count) / room))), 0));
      const level = most === 0 || value <= 0 ? 0 : Math.max(1, Math.round((value / most) * (glyphs.length - 1)));
      return glyphs[level] ?? ' ';
    });
    return `${fitted(name, label)}  ${painted(cells.join(''), i, style)}  ${tops[i]}`;
  });
  const [left, right] = [axisText(begin, step, style.zone), axisText(begin + count * step, step, style.zone)];
  const axis = room >= left.length + right.length + 1 ? `${left}${' '.repeat(room - left.length - right.length)}${right}` : left;
  const pointer = style.ascii ? '^' : '▲';
  const marked = Array.from({ length: room }, () => ' ');
  for (const { at } of marks) marked[column(at)] = pointer;
  const margin = ' '.repeat(label + 2);
  return [
    ...drawn,
    ...(marks.length === 0 ? [] : [`${margin}${marked.join('')}`]),
    `${margin}${axis}`,
    ...marks.slice(0, MARKS_TOLD).map(({ at, text }) => shortened(`${margin}${pointer} ${clockText(at, style.zone)} ${text}`, style.width)),
    ...(marks.length > MARKS_TOLD ? [`${margin}and ${marks.length - MARKS_TOLD} more`] : []),
  ];
}

function heat({ rows, columns, cells, unit }: Heat, style: TerminalStyle): string[] {
  const all = cells.flat().filter((value) => value !== null);
  const [least, most] = [smallest(all, 0), largest(all, 0)];
  const shades = SHADES[style.ascii ? 'ascii' : 'unicode'];
  const label = widest(rows, Math.floor(style.width / 4));
  const each = Math.max(1, Math.min(3, Math.floor((style.width - label - 2) / Math.max(1, columns.length))));
  const shade = (value: number | null): string => {
    if (value === null) return '?'.padEnd(each);
    const level = most === least ? 0 : Math.round(((value - least) / (most - least)) * (shades.length - 1));
    return (shades[level] ?? ' ').repeat(each);
  };
  const head = columns.map((name, i) =>
    (each >= name.length + 1 || i % 3 === 0 ? name.slice(0, each * 3) : '').padEnd(each).slice(0, Math.max(each, name.length)),
  );
  let axis = '';
  for (const [i, name] of head.entries()) axis = axis.length <= i * each ? axis.padEnd(i * each) + name.trimEnd() : axis;
  return [
    `${' '.repeat(label + 2)}${axis}`,
    ...rows.map((name, i) => `${fitted(name, label)}  ${painted((cells[i] ?? []).map(shade).join(''), 0, style)}`),
    all.length === 0
      ? ''
      : `${' '.repeat(label + 2)}from ${valueText(least, unit)} (${shades[0] === ' ' ? 'blank' : shades[0]}) to ${valueText(most, unit)} (${shades.at(-1)})`,
  ];
}

function spans({ spans, begin, end }: Spans, style: TerminalStyle): string[] {
  const label = widest(
    spans.map((span) => span.label),
    Math.floor(style.width / 3),
  );
  const notes = widest(
    spans.map((span) => span.note),
    Math.floor(style.width / 3),
  );
  const room = Math.max(10, style.width - label - notes - 4);
  const column = (at: number): number => Math.min(room - 1, Math.max(0, Math.floor(((at - begin) / Math.max(1, end - begin)) * room)));
  const [body, open] = style.ascii ? ['=', '>'] : ['━', '▶'];
  const drawn = spans.map((span) => {
    const [from, to] = [column(span.begin), column(span.end ?? end)];
    const bar = body.repeat(to - from + 1);
    const text = span.end === null ? `${bar.slice(0, -1)}${open}` : bar;
    return `${fitted(span.label, label)}  ${' '.repeat(from)}${painted(text, 0, style)}${' '.repeat(room - to - 1)}  ${shortened(span.note, notes)}`;
  });
  const [left, right] = [axisText(begin, 60_000, style.zone), axisText(end, 60_000, style.zone)];
  return [...drawn, `${' '.repeat(label + 2)}${left}${' '.repeat(Math.max(1, room - left.length - right.length))}${right}`];
}

/** How wide names are at most, so that the picture has its least room between them and the figures. */
function labelRoom(most: number, figures: number, { width }: TerminalStyle): number {
  return Math.max(0, Math.floor(Math.min(most, width - figures - 4 - LEAST_ROOM)));
}

function fill(index: number, { ascii, colours }: TerminalStyle): string {
  const fills = FILLS[ascii ? 'ascii' : 'unicode'];
  return colours && !ascii ? '█' : (fills[index % fills.length] ?? '#');
}

function painted(text: string, index: number, { colours }: TerminalStyle): string {
  return colours && text.trim() !== '' ? `\u001b[38;5;${COLOURS[index % COLOURS.length]}m${text}\u001b[39m` : text;
}

function widest(texts: readonly string[], most: number): number {
  return Math.min(most, Math.max(0, ...texts.map(widthOf)));
}

function fitted(text: string, width: number): string {
  const short = shortened(text, width);
  return `${short}${' '.repeat(Math.max(0, width - widthOf(short)))}`;
}
