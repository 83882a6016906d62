interface Props {
  readonly label: string;
  readonly columns: readonly { readonly title: string; readonly right: boolean }[];
  readonly cells: readonly (readonly string[])[];
}

/** Rows for people; columns in which nothing stands are left out. */
export function Table({ label, columns, cells }: Props) {
  const kept = columns.flatMap((column, i) => (cells.some((row) => (row[i] ?? '') !== '') ? [{ ...column, i }] : []));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse must be able to scroll a wide table.
    <section class="scroll" tabIndex={0} aria-label={label}>
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
    </section>
  );
}
