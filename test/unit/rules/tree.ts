/** A node of ESTree: https://github.com/estree/estree */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Visits a node and all below it, in the order of the text. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit);
}

/** The node in a field; undefined when there is none. */
export function field(node: Node | undefined, name: string): Node | undefined {
  const value = node?.[name];
  return isNode(value) ? value : undefined;
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

/** The name of an identifier, of a member, or of a key without quotes: what is quoted is data. */
export function nameOf(node: Node | undefined): string {
  if (node?.type === 'Identifier') return String(node.name);
  return node?.type === 'MemberExpression' && node.computed !== true ? nameOf(field(node, 'property')) : '';
}

/** `it` of `it`, `it.each` and `it.each(...)`. */
export function rootOf(node: Node | undefined): string {
  if (node?.type === 'MemberExpression') return rootOf(field(node, 'object'));
  if (node?.type === 'CallExpression' || node?.type === 'TaggedTemplateExpression')
    return rootOf(field(node, 'callee') ?? field(node, 'tag'));
  return nameOf(node);
}

/** The value of a text or a number that is written down. */
export function literal(node: Node | undefined): unknown {
  return node?.type === 'Literal' ? node.value : undefined;
}

/** Without what changes only the type of an expression: `x as number`, `x!`, `(x)`. */
export function plain(node: Node | undefined): Node | undefined {
  const inside = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression', 'ParenthesizedExpression', 'ChainExpression'];
  return node !== undefined && inside.includes(node.type) ? plain(field(node, 'expression')) : node;
}
