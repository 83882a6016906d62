/** The name of an outcome as people read it: `never established`. */
export function outcomeText(name: string): string {
  return name.replaceAll('_', ' ');
}
