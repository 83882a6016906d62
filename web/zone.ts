import { ownZone } from '../src/text/moment.ts';

/** The browser's own time zone: every time on the page is in it. */
export const ZONE: string = ownZone();
