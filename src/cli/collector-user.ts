import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGroup } from '../access/group.js';
import { giveRuntimeFolder, handOver } from '../access/hand-over.js';
import { makeFolder } from '../access/place.js';
import { becomeUser, findUser, type User } from '../access/user.js';
import { ConfigError } from '../config/errors.js';
import { type Config, thisMachine } from '../config/load.js';
import { collectorRuntimeDir, keys, optionOf, runtimeDir, type Values } from '../config/schema.js';

/** As whom `vslog up` runs the collector where nobody says otherwise. deploy/systemd/vslog.sysusers and scripts/setup.sh make this one. */
const USUAL = 'vslog';
/** The group of the collector alone: for it the capture keeps events. Made with the user. */
const KEEPERS = 'vslog-collector';

/** As whom the collector is to run. */
export interface Chosen {
  /** Undefined: as who we are. */
  readonly user: User | undefined;
  readonly notes: readonly string[];
}

/**
 * The user for collector and engine, of a configuration. `usual`: without a word of the configuration root takes the user vslog, where that one can do what is to be done. Throws ConfigError when
 * a user is named who cannot be had.
 */
export function chooseUser(config: Pick<Config, 'values' | 'origins'>, usual: boolean): Chosen {
  const asked = config.values['collector.user'];
  const us = process.geteuid?.() ?? 0;
  if (asked === '' && (!usual || us !== 0)) return { user: undefined, notes: [] };
  const user = findUser(asked === '' ? USUAL : asked);
  const origin = config.origins['collector.user'];
  if (user === undefined) {
    if (asked !== '') throw new ConfigError([`${origin}: collector.user is ${JSON.stringify(asked)}, and there is no such user.`]);
    return {
      user,
      notes: [`Collector and engine run as root: there is no user ${USUAL} ("useradd --system ${USUAL}"), as whom they would run.`],
    };
  }
  if (user.uid === us) return { user: undefined, notes: [] };
  if (us !== 0)
    throw new ConfigError([`${origin}: collector.user is ${JSON.stringify(asked)}: only root can run the collector as somebody else.`]);
  const obstacle = obstacleFor(user, config.values);
  if (obstacle === undefined) return { user, notes: [] };
  if (asked !== '') throw new ConfigError([`${origin}: collector.user is ${JSON.stringify(asked)}: ${obstacle}.`]);
  return { user: undefined, notes: [`Collector and engine run as root, and not as user ${user.name}: ${obstacle}.`] };
}

/** The group for which the capture keeps the events of a collector that runs as this user. */
export function keepersOf(values: Values, user: User): string {
  const asked = values['capture.collector_group'];
  if (asked !== '') return asked;
  return String(findGroup(KEEPERS) ?? user.gid);
}

/** As root: gives the user what is the collector's, and goes on as that one. Resolves to what a person should know. Throws PlaceError, and the system's error. */
export function goOnAs(user: User, values: Values): readonly string[] {
  const notes: string[] = [];
  for (const folder of foldersOf(values)) {
    // Theirs already? Then the collector looks at it, as that user.
    if (statSync(folder, { throwIfNoEntry: false })?.uid === user.uid) continue;
    const given = handOver(makeFolder(folder), user);
    if (given > 1)
      notes.push(
        `${folder}: ${given} files and folders were root's; they belong to user ${user.name} now, as whom collector and engine run.`,
      );
  }
  const sockets = dirname(values['collector.api_socket']);
  giveRuntimeFolder(sockets, user, values['collector.read_group'] !== '', sockets === collectorRuntimeDir(thisMachine()));
  const groups = [keepersOf(values, user), values['collector.read_group']];
  becomeUser(
    user,
    groups.flatMap((name) => (name === '' ? [] : (findGroup(name) ?? []))),
  );
  return notes;
}

/** As root, where no collector runs: goes on as the one whose data that is, so that what is written is that one's, too. Resolves to what a person should know. Throws the system's error. */
export function goOnAsOwner(values: Values): readonly string[] {
  const stats = statSync(values['collector.data_dir'], { throwIfNoEntry: false });
  if (process.geteuid?.() !== 0 || stats === undefined || stats.uid === 0) return [];
  becomeUser({ name: String(stats.uid), uid: stats.uid, gid: stats.gid }, [stats.gid]);
  return [`${values['collector.data_dir']} belongs to user ${stats.uid}: going on as that user.`];
}

/** What a collector keeps. */
function foldersOf(values: Values): string[] {
  return [values['collector.data_dir'], values['store.dir'], values['file.dir']].filter((folder) => folder !== '');
}

/** vslog's by its name: who may come to it is set at each start. */
function isOwnPlace(folder: string): boolean {
  return [collectorRuntimeDir, runtimeDir].some((own) => own(thisMachine()) === folder);
}

/** What the user would have to reach, tried as that user. */
interface Trial {
  readonly read: readonly string[];
  /** Folders that are there, or where they will be made: what leads to them must let one through. */
  readonly reach: readonly string[];
  readonly write: readonly string[];
}

const TRIAL = `
const fs = require('node:fs');
const path = require('node:path');
const trial = JSON.parse(process.argv[1]);
const fail = (what, at) => { process.stdout.write(what + ' ' + at); process.exit(1); };
const may = (at, mode) => { try { fs.accessSync(at, mode); return true; } catch (error) { return error.code === 'ENOENT'; } };
for (const at of trial.read) if (!may(at, fs.constants.R_OK)) fail('may not read', at);
for (const at of trial.reach) for (let above = path.dirname(at); above !== path.dirname(above); above = path.dirname(above)) if (!may(above, fs.constants.X_OK)) fail('cannot come through', above);
for (const at of trial.write) if (!may(at, fs.constants.W_OK)) fail('may not write to', at);
`;

/** Why the collector cannot run as this user, as the end of a sentence; undefined: it can. */
function obstacleFor(user: User, values: Values): string | undefined {
  if (values['console.token_file'] !== '' && values['capture.admin_group'] === '')
    return 'console.token_file lets people change things, which that user may do only with capture.admin_group';
  const program = fileURLToPath(new URL('../', import.meta.url));
  const own = keys.filter((key) => optionOf(key).type === 'path' && key.endsWith('_file')).map((key) => String(values[key]));
  const sockets = dirname(values['collector.api_socket']);
  const trial: Trial = {
    read: [join(program, 'main.js'), join(program, '../node_modules/chdb/package.json'), ...own.filter((path) => path !== '')],
    reach: [
      ...foldersOf(values),
      ...[values['collector.api_socket'], values['capture.socket']].map((path) => (isOwnPlace(dirname(path)) ? dirname(path) : path)),
    ],
    write: sockets === collectorRuntimeDir(thisMachine()) ? [] : [sockets],
  };
  const { status, stdout, error } = spawnSync(process.execPath, ['-e', TRIAL, JSON.stringify(trial)], {
    encoding: 'utf8',
    env: {},
    cwd: '/',
    uid: user.uid,
    gid: user.gid,
  });
  if (error !== undefined) return `that user cannot run ${process.execPath}`;
  return status === 0 ? undefined : `that user ${stdout || 'cannot run node'}`;
}
