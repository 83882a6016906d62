import { bytesText, countText, durationText } from '../text/format.js';
import type { Unit } from './plot.js';

/** A number as people read it: `12,345`, `1.2 GiB`, `3 min 20 s`. */
export function valueText(value: number, unit: Unit): string {
  switch (unit) {
    case 'bytes':
      return bytesText(value);
    case 'seconds':
      return durationText(value);
    default:
      return countText(value);
  }
}
