import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

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

interface Props {
  readonly label: string;
  readonly columns: readonly { readonly title: string; readonly right: boolean }[];
  readonly cells: readonly (readonly string[])[];
}

/** Rows for people; columns in which nothing stands are left out. */
export function Table({ label, columns, cells }: Props) {
  const kept = columns.flatMap((column, i) => (cells.some((row) => (row[i] ?? '') !== '') ? [{ ...column, i }] : []));
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            {kept.map(({ title, right, i }) => (
              <th key={i} scope="col" class={right ? 'right' : ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, y) => (
            <tr key={y}>
              {kept.map(({ right, i }) => (
                <td key={i} class={right ? 'right' : ''}>
                  {row[i]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
