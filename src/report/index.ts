import { affinity } from './affinity.js';
import { changes } from './changes.js';
import { churn } from './churn.js';
import { drain } from './drain.js';
import { loss } from './loss.js';
import { nodest } from './nodest.js';
import { reasons } from './reasons.js';
import type { Report } from './report.js';
import { reuse } from './reuse.js';
import { rs } from './rs.js';
import { thresholds } from './thresholds.js';
import { top } from './top.js';
import { who } from './who.js';
import { window } from './window.js';

/** Every report there is, in the order of the help. */
export const reports: readonly Report[] = [who, rs, drain, nodest, affinity, reasons, churn, top, thresholds, changes, reuse, loss, window];
