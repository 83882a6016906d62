import type { Step } from './steps.js';

const ALWAYS = ['events', 'pass', 'start', 'stop'] as const;

/** What may happen in a history, by what it is about. */
export const KINDS: Readonly<Record<string, readonly Step['do'][]>> = {
  'sinks that are away': [...ALWAYS, 'away', 'back', 'answer'],
  kills: [...ALWAYS, 'away', 'back', 'answer', 'die'],
  'sinks off and on': [...ALWAYS, 'away', 'back', 'die', 'off', 'on'],
  'sinks forgotten': [...ALWAYS, 'away', 'back', 'die', 'off', 'on', 'forget'],
  'full disks': [...ALWAYS, 'away', 'back', 'die', 'room'],
  'disks that fail': [...ALWAYS, 'away', 'back', 'die', 'room', 'eio'],
  'syncs that fail': [...ALWAYS, 'away', 'back', 'die', 'unsynced'],
  captures: [...ALWAYS, 'die', 'capture'],
  clocks: [...ALWAYS, 'die', 'clock', 'away', 'back'],
  copies: [...ALWAYS, 'die', 'copy', 'restore', 'away', 'back'],
  hands: [...ALWAYS, 'die', 'damage', 'remove', 'away', 'back'],
};
