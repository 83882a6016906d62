/** Processes whose logs a failure shows at most. */
const MOST = 6;
/** Lines of each. */
const LINES = 12;

const logs = new Map<string, () => string>();
let started = 0;

/** Has a failing test of this file show the last lines of what a process said. `name` says which process. */
export function keepLogOf(name: string, said: () => string): void {
  logs.set(`${name} (${++started})`, said);
}

/** The last lines of the processes that started last. */
export function lastLogs(): string {
  return [...logs]
    .slice(-MOST)
    .flatMap(([name, said]) => {
      const lines = textOf(said).trimEnd().split('\n').slice(-LINES);
      return lines.join('') === '' ? [] : [`--- ${name}`, ...lines];
    })
    .join('\n');
}

function textOf(said: () => string): string {
  try {
    return said();
  } catch (error) {
    return `its log cannot be read: ${String(error)}`;
  }
}
