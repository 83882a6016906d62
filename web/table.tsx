import './table.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { countText, plural } from '../src/text/format.ts';
import { csvText, saveText } from './save.ts';
import { order, sortKey } from './sort.ts';

/** Holds a table that may be wider than the screen; then it says so, and shades the sides where more is. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  const [more, setMore] = useState({ left: false, right: false });
  const look = (): void => {
    const place = box.current;
    if (place === null) return;
    // A pixel is what rounding may leave.
    const left = place.scrollLeft > 1;
    const right = place.scrollWidth - place.clientWidth - place.scrollLeft > 1;
    setMore((before) => (before.left === left && before.right === right ? before : { left, right }));
  };
  useEffect(() => {
    const resized = new ResizeObserver(look);
    if (box.current !== null) resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  useEffect(look);
  return (
    <>
      {(more.left || more.right) && <p class="wider">Wider than the screen: it scrolls sideways ⇆</p>}
      <div class={`frame ${more.left ? 'more-left' : ''} ${more.right ? 'more-right' : ''}`}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse must be able to scroll a wide table. */}
        <section class="scroll" tabIndex={0} aria-label={label} ref={box} onScroll={look}>
          {children}
        </section>
      </div>
    </>
  );
}

/** A cell that is more than its text. */
export interface RichCell {
  /** What stands there, and what it is sorted by without `value`. */
  readonly text: string;
  /** As machines have it: numbers are sorted by it, and CSV has it instead of the text. */
  readonly value?: unknown;
  /** Where it leads. */
  readonly href?: string | undefined;
  readonly class?: string;
  /** Shown instead of the text. */
  readonly view?: ComponentChildren;
}
export type Cell = string | RichCell;

export interface TableColumn {
  readonly title: string;
  /** It has numbers, which stand at the right. */
  readonly right: boolean;
  /** Without a head that sorts, and not in CSV: buttons. */
  readonly plain?: boolean;
}

interface Props {
  /** What the table is of; the file of its CSV is called so. */
  readonly label: string;
  readonly columns: readonly TableColumn[];
  readonly cells: readonly (readonly Cell[])[];
  /** Where the server has all of it as CSV; without it the page makes a file of the cells. */
  readonly csv?: string;
  /** Heads of rows stand in the first column. */
  readonly heads?: boolean;
}

/** So many rows are on a page of a table. */
const PAGE = 50;
/** A text that is longer than that is cut in its cell, and whole in its title. */
const LONG = 64;

interface Sort {
  readonly title: string;
  readonly descending: boolean;
}

/** How tables were sorted, by page and label: it is the same when one comes back. */
const sorts = new Map<string, Sort>();

const textOf = (cell: Cell | undefined): string => (typeof cell === 'object' ? cell.text : (cell ?? ''));

/** Rows for people: sorted by a click on a head, 50 on a page, and as CSV. Columns in which nothing stands are left out. */
export function Table({ label, columns, cells, csv, heads = false }: Props) {
  const key = `${location.pathname} ${label}`;
  const [sort, setSort] = useState<Sort | undefined>(() => sorts.get(key));
  const [page, setPage] = useState(0);
  const kept = columns.flatMap((column, i) =>
    cells.some((row) => textOf(row[i]) !== '' || (typeof row[i] === 'object' && row[i].view !== undefined)) ? [{ ...column, i }] : [],
  );
  const by = kept.find(({ title }) => title === sort?.title);
  const places =
    by === undefined || sort === undefined
      ? cells.map((_row, y) => y)
      : order(
          cells.map((row) => {
            const cell = row[by.i];
            return sortKey(textOf(cell), typeof cell === 'object' ? cell.value : undefined);
          }),
          sort.descending,
        );
  const pages = Math.max(1, Math.ceil(cells.length / PAGE));
  const at = Math.min(page, pages - 1);
  const shown = places.slice(at * PAGE, (at + 1) * PAGE);
  const turn = (title: string, right: boolean): void => {
    // Of numbers people look for the largest first. The third click gives the answer's own order again.
    const next =
      sort?.title !== title ? { title, descending: right } : sort.descending === right ? { title, descending: !right } : undefined;
    if (next === undefined) sorts.delete(key);
    else sorts.set(key, next);
    setSort(next);
    setPage(0);
  };
  const save = (): void => {
    const saved = kept.filter(({ plain }) => plain !== true);
    const lines = cells.map((row) =>
      saved.map(({ i }) => {
        const cell = row[i];
        // What is sorted behind everything is no number to anybody else.
        return typeof cell === 'object' && cell.value !== undefined && cell.value !== Number.POSITIVE_INFINITY ? cell.value : textOf(cell);
      }),
    );
    saveText(`${fileName(label)}.csv`, 'text/csv;charset=utf-8', csvText([saved.map(({ title }) => title), ...lines]));
  };
  return (
    <>
      <Scroll label={label}>
        <table>
          <thead>
            <tr>
              {kept.map(({ title, right, plain, i }) => (
                <th
                  key={i}
                  scope="col"
                  class={right ? 'right' : ''}
                  aria-sort={sort?.title === title ? (sort.descending ? 'descending' : 'ascending') : undefined}
                >
                  {plain === true ? (
                    title
                  ) : (
                    <button type="button" class="sort" onClick={() => turn(title, right)}>
                      {title === '' ? <span class="hidden">name</span> : title}
                      <span class="arrow" aria-hidden="true">
                        {sort?.title === title ? (sort.descending ? '▼' : '▲') : ''}
                      </span>
                    </button>
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((y) => (
              <tr key={y}>
                {kept.map(({ right, i }) => (
                  <View key={i} cell={cells[y]?.[i] ?? ''} right={right} head={heads && i === 0} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {cells.length > 0 && (
        <p class="table-foot">
          <span>
            {pages === 1
              ? plural(cells.length, 'row')
              : `${countText(at * PAGE + 1)} to ${countText(at * PAGE + shown.length)} of ${countText(cells.length)}`}
          </span>
          {pages > 1 && (
            <>
              <button type="button" class="quiet" disabled={at === 0} onClick={() => setPage(at - 1)}>
                Previous
              </button>
              <button type="button" class="quiet" disabled={at === pages - 1} onClick={() => setPage(at + 1)}>
                Next
              </button>
            </>
          )}
          {csv === undefined ? (
            <button type="button" class="link" onClick={save}>
              Download CSV
            </button>
          ) : (
            <a href={csv} download={`${fileName(label)}.csv`}>
              Download CSV
            </a>
          )}
        </p>
      )}
    </>
  );
}

function View({ cell, right, head }: { readonly cell: Cell; readonly right: boolean; readonly head: boolean }) {
  const rich = typeof cell === 'object' ? cell : { text: cell };
  const { text, href, view } = rich;
  const long = text.length > LONG;
  const inside = view ?? (href === undefined ? text : <a href={href}>{text}</a>);
  const classes = [right ? 'right' : '', rich.class ?? '', long ? 'long' : ''].filter((name) => name !== '').join(' ');
  const title = long ? text : undefined;
  return head ? (
    <th scope="row" class={classes} title={title}>
      {inside}
    </th>
  ) : (
    <td class={classes} title={title}>
      {inside}
    </td>
  );
}

/** A label as a file may be called. */
function fileName(label: string): string {
  return (
    label
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'table'
  );
}
