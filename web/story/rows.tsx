import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { countText } from '../../src/text/format.ts';
import { clockText, momentText } from '../../src/text/moment.ts';
import { Scroll } from '../table.tsx';
import { ZONE } from '../zone.ts';

interface Props {
  readonly label: string;
  /** One that ends in `>` is of numbers: it stands at the right. */
  readonly columns: readonly string[];
  readonly rows: readonly { readonly key: string; readonly class?: string; readonly cells: readonly ComponentChildren[] }[];
  /** So many rows are shown until somebody asks for all. */
  readonly most?: number;
}

/** A table whose cells lead on. */
export function Rows({ label, columns, rows, most = rows.length }: Props) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, most);
  const side = (i: number): string => (columns[i]?.endsWith('>') === true ? 'right' : '');
  return (
    <>
      <Scroll label={label}>
        <table>
          <thead>
            <tr>
              {columns.map((column, i) => (
                <th key={column} scope="col" class={side(i)}>
                  {column.replace(/>$/, '')}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.key} class={row.class}>
                {row.cells.map((cell, i) => (
                  <td key={columns[i]} class={side(i)}>
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {shown.length < rows.length && (
        <p>
          <button type="button" class="quiet" onClick={() => setAll(true)}>
            Show all {countText(rows.length)}
          </button>
        </p>
      )}
    </>
  );
}

/** A time (ms) in a column whose title has the zone: WHEN. */
export function Clock({ at }: { readonly at: number }) {
  return <time title={momentText(at, ZONE)}>{clockText(at, ZONE)}</time>;
}

/** The zone of times, for a column's title. */
export const IN_ZONE = `(${ZONE})`;
