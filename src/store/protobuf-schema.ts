import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../proto/vslog/v1/', import.meta.url));

/** The file of proto/vslog/v1 that defines a message, without its package: ClickHouse then finds the message by its bare name. */
export function protobufSchema(message: string): string {
  const text = readdirSync(FOLDER)
    .map((name) => readFileSync(FOLDER + name, 'utf8'))
    .find((one) => one.includes(`message ${message} {`));
  if (text === undefined) throw new Error(`There is no message ${message} in ${FOLDER}.`);
  return text.replace(/^package .*$/m, '');
}
