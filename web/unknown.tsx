/** The place at an address where there is no page: what was asked for, and what there is. */
export function Unknown({
  path,
  pages,
}: {
  readonly path: string;
  readonly pages: readonly { readonly path: string; readonly name: string }[];
}) {
  return (
    <>
      <h1>No such page</h1>
      <p>
        There is no page at <code>{path}</code>. It may have been mistyped, or the link was made by another version.
      </p>
      <p>There are:</p>
      <ul>
        {pages.map((page) => (
          <li key={page.path}>
            <a href={page.path}>{page.name}</a>
          </li>
        ))}
      </ul>
    </>
  );
}
