import { homedir } from 'node:os';
import { join } from 'node:path';

const { VSLOG_DOWNLOADS, XDG_CACHE_HOME, HOME } = process.env;

/** Folder of what scripts/fetch-*.sh fetched for the tests; scripts/downloads.sh has the same rule. */
export const DOWNLOADS = VSLOG_DOWNLOADS || join(XDG_CACHE_HOME || join(HOME || homedir(), '.cache'), 'vslog');
