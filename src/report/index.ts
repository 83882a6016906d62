import { changes } from './changes.js';
import type { Report } from './report.js';

/** Every report there is, in the order of the help. */
export const reports: readonly Report[] = [changes];
