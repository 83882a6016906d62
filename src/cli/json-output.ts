import { type Command, Option } from 'commander';
import { toJson } from '../api/json.js';
import { write } from './output.js';

/** How a command answers: text for people, or what docs/json describes. */
export type AnswerForm = 'text' | 'json' | 'jsonl';

export interface AnswerOptions {
  readonly output: AnswerForm;
}

/** What the JSON of a command is: one object, an array of objects, or objects that come one after the other. */
type Shape = 'object' | 'array' | 'stream';

const DOCS: Readonly<Record<Shape, string>> = {
  object: 'the same as -o json: one object, described in docs/json',
  array: 'the same as -o json: one array, described in docs/json',
  stream: 'the same as -o jsonl: an object a line, described in docs/json',
};

/** Adds -o and --json to a command whose answer is no list; they are read as `output`. */
export function addAnswerOptions(command: Command, shape: Shape): Command {
  return command
    .addOption(
      new Option('-o, --output <FORM>', 'text: for people; json; jsonl: an object a line')
        .choices(['text', 'json', 'jsonl'])
        .default('text'),
    )
    .addOption(new Option('--json', DOCS[shape]).implies({ output: shape === 'stream' ? 'jsonl' : 'json' }));
}

/** Writes one object: json is for reading, too, jsonl is one line. */
export async function writeObject(form: 'json' | 'jsonl', object: unknown): Promise<void> {
  await write(`${toJson(object, form === 'json' ? 2 : undefined)}\n`);
}

/** Writes objects, one a line: json has an array around them. */
export async function writeArray(form: 'json' | 'jsonl', entries: readonly unknown[]): Promise<void> {
  const lines = entries.map((entry) => toJson(entry));
  if (form === 'jsonl') return write(lines.map((line) => `${line}\n`).join(''));
  return write(lines.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`);
}

/** Writes objects as they come. */
export class ObjectStream {
  private readonly form: 'json' | 'jsonl';
  private count = 0;

  constructor(form: 'json' | 'jsonl') {
    this.form = form;
  }

  async add(...entries: readonly unknown[]): Promise<void> {
    const text = entries.map((entry) => {
      const before = this.form === 'jsonl' ? '' : this.count === 0 ? '[\n' : ',\n';
      this.count++;
      return `${before}${toJson(entry)}${this.form === 'jsonl' ? '\n' : ''}`;
    });
    if (text.length > 0) await write(text.join(''));
  }

  /** The end of what an array needs. */
  async close(): Promise<void> {
    if (this.form === 'json') await write(this.count === 0 ? '[]\n' : '\n]\n');
  }
}
