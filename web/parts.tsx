import type { ComponentChildren } from 'preact';

export function Problem({ text }: { readonly text: string }) {
  return (
    <p class="problem" role="status">
      {text}
    </p>
  );
}

interface TileProps {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
  readonly state?: 'good' | 'bad';
  readonly href?: string;
}

/** A number that is looked at first. */
export function Tile({ name, value, note = '', state, href }: TileProps) {
  const inside = (
    <>
      <span class="name">{name}</span>
      <span class={`value ${state ?? ''}`}>{value}</span>
      <span class="note">{note}</span>
    </>
  );
  return href === undefined ? (
    <div class="card tile">{inside}</div>
  ) : (
    <a class="card tile" href={href}>
      {inside}
    </a>
  );
}

/** A field with its name above it. */
export function Field({ name, hint, children }: { readonly name: string; readonly hint?: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is what it is given.
    <label class="field" title={hint ?? ''}>
      <span>{name}</span>
      {children}
    </label>
  );
}
