import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../docs/json');
const DATE_TIME = /^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A schema of docs/json. */
export type Schema = Readonly<Record<string, unknown>>;

/** Every schema of docs/json by its name: that of the file. */
export const schemas: ReadonlyMap<string, Schema> = new Map(
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.schema.json'))
    .map((name) => [name.slice(0, -'.schema.json'.length), JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Schema]),
);

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, formats: { 'date-time': DATE_TIME } });
const compiled = new Map<string, ValidateFunction>();

/** The check of a schema. Throws when there is none of that name, or it is no schema. */
export function validatorOf(name: string): ValidateFunction {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const schema = schemas.get(name);
  if (schema === undefined) throw new Error(`docs/json has no ${name}.schema.json.`);
  const made = ajv.compile(schema);
  compiled.set(name, made);
  return made;
}

/** Expects that something is as docs/json says of one of these documents. */
export function expectDocument(names: string | readonly string[], value: unknown): void {
  const problems = [names].flat().map((name) => {
    const validate = validatorOf(name);
    return validate(value) ? '' : `${name}: ${ajv.errorsText(validate.errors)}`;
  });
  expect(problems.includes('') ? '' : `${problems.join('\n')}\n${JSON.stringify(value)}`).toBe('');
}
