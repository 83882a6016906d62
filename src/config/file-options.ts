import { bytes, type CommandName, duration, int, oneOf, path } from './option.js';

const K = 1024;
const M = 1024 * K;
const G = 1024 * M;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

const collector: readonly CommandName[] = ['collect', 'up'];

/** Options of the file sink. */
export const fileOptions = {
  'file.dir': path({
    default: '',
    defaultDoc: 'none: no files are written',
    doc: 'Write every event to files in this folder, for a pipeline of your own.',
    more: 'The folder is made when it is not there. One collector owns it. What the files look like: [file.md](file.md).',
    flag: 'file-dir',
    commands: [...collector, 'verify', 'replay', 'erase'],
  }),
  'file.format': oneOf(['jsonl', 'protobuf'], {
    default: 'jsonl',
    doc: 'What the files hold.',
    more: '`jsonl`: an object a line, as `vslog tail -o jsonl` shows it. `protobuf`: length-delimited messages of proto/vslog/v1, untouched.',
    flag: 'file-format',
    commands: collector,
  }),
  'file.compression': oneOf(['none', 'gzip', 'zstd'], {
    default: 'gzip',
    doc: 'How the files are compressed.',
    flag: 'file-compression',
    commands: collector,
  }),
  'file.rotate_bytes': bytes({
    default: 256 * M,
    min: 1,
    max: 1024 * G,
    doc: 'A file is finished when it has this size.',
    more: 'As it is on disk, compressed. It is larger by what the last segment brought.',
    flag: 'file-rotate-bytes',
    commands: collector,
  }),
  'file.rotate_age': duration({
    default: 1 * HOUR,
    min: 1 * SECOND,
    max: 24 * 31 * HOUR,
    doc: 'A file is finished at this age.',
    flag: 'file-rotate-age',
    commands: collector,
  }),
  'file.keep_bytes': bytes({
    default: 0,
    min: 0,
    max: 1024 * 1024 * G,
    doc: 'Finished files are removed, oldest first, while all of them together are larger; 0 keeps all.',
    more: 'What was removed counts as taken for `vslog verify`: see [file.md](file.md).',
    flag: 'file-keep-bytes',
    commands: collector,
  }),
  'file.keep_files': int({
    default: 0,
    min: 0,
    max: 10_000_000,
    unit: 'files',
    doc: 'Finished files of a record type are removed, oldest first, while there are more; 0 keeps all.',
    flag: 'file-keep-files',
    commands: collector,
  }),
};
