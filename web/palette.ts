import { useEffect, useState } from 'preact/hooks';

/** So many colours there are; further lines have them again, dashed. */
const COLOURS = 8;
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 4]];

/** Counts up whenever colours are to be read anew. */
export function usePalette(): number {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const next = (): void => setTurn((n) => n + 1);
    const system = matchMedia('(prefers-color-scheme: dark)');
    const page = new MutationObserver(next);
    page.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    system.addEventListener('change', next);
    return () => {
      page.disconnect();
      system.removeEventListener('change', next);
    };
  }, []);
  return turn;
}

/** A colour of the style sheet by its name. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The colour of a chart's line by its place. */
export const colourOf = (i: number): string => colour(`--series-${(i % COLOURS) + 1}`);

/** How a line is dashed: where the colours have all been used, they come again dashed. */
export const dashOf = (i: number): readonly number[] => DASHES[Math.floor(i / COLOURS) % DASHES.length] ?? [];

/** A line's background in the legend: its colour, dashed as it is. */
export function swatch(i: number): string {
  const [on = 1, off = 0] = dashOf(i);
  return `repeating-linear-gradient(90deg, ${colourOf(i)} 0 ${on}px, transparent ${on}px ${on + off}px)`;
}
