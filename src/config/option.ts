/** Commands that take options of the configuration as flags. */
export type CommandName =
  | 'up'
  | 'capture'
  | 'collect'
  | 'tail'
  | 'sql'
  | 'status'
  | 'console'
  | 'conn'
  | 'key'
  | 'verify'
  | 'replay'
  | 'erase'
  | 'sink'
  | 'doctor'
  | 'clock'
  | 'config';

/** What the defaults depend on. */
export interface Machine {
  readonly root: boolean;
  readonly uid: number;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One option of the configuration: everything that is to be known about it stands in its entry in schema.ts. */
export interface Option<T = unknown> {
  /** How a value is written in the file, in the environment and as a flag. */
  readonly type: 'string' | 'path' | 'endpoint' | 'int' | 'bytes' | 'room' | 'duration' | 'bool' | 'enum';
  readonly default: (machine: Machine) => T;
  /** The default in words, where it depends on the machine. */
  readonly defaultDoc?: string;
  /** Inclusive bounds of an int, of bytes, of a duration in ms. */
  readonly min?: number;
  readonly max?: number;
  /** Words that an enum may be. */
  readonly values?: readonly string[];
  /** What an int counts. */
  readonly unit?: string;
  /** One line. */
  readonly doc: string;
  /** What one should know before one changes it. */
  readonly more?: string;
  /** Without the leading dashes. */
  readonly flag: string;
  readonly commands: readonly CommandName[];
  /** The flag of vslog-capture that carries it. */
  readonly native?: string;
}

type Spec<T> = Omit<Option<T>, 'type' | 'default'> & { readonly default: T | ((machine: Machine) => T) };

function make<T>(type: Option['type'], spec: Spec<T>): Option<T> {
  const value = spec.default;
  return { ...spec, type, default: typeof value === 'function' ? (value as (machine: Machine) => T) : () => value };
}

export const text = (spec: Spec<string>): Option<string> => make('string', spec);
export const path = (spec: Spec<string>): Option<string> => make('path', spec);
/** An address and port, perhaps with a protocol before it; services.ts reads it. */
export const endpoint = (spec: Spec<string>): Option<string> => make('endpoint', spec);
export const int = (spec: Spec<number> & { min: number; max: number; unit: string }): Option<number> => make('int', spec);
/** A size in bytes. */
export const bytes = (spec: Spec<number> & { min: number; max: number }): Option<number> => make('bytes', spec);
/** Room on a disk: a size in bytes, or a part of the disk in percent; its value is the words. */
export const room = (spec: Spec<string>): Option<string> => make('room', spec);
/** A time in ms. */
export const duration = (spec: Spec<number> & { min: number; max: number }): Option<number> => make('duration', spec);
export const bool = (spec: Spec<boolean>): Option<boolean> => make('bool', spec);
export const oneOf = <const T extends string>(values: readonly T[], spec: Spec<NoInfer<T>>): Option<T> =>
  make<T>('enum', { ...spec, values });
