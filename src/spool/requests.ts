import { lstat, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openToWrite } from '../access/readers.js';
import { CURSORS } from './layout.js';

/*
 * Whoever may read the log may ask the collector, so its answer to a question must not change anything. Who may write into the spool's folder may change what lies there: a
 * file in it is the proof, and the question to the collector only says that it is there.
 */

/** What is asked for a sink. `forget`: nothing is held back for it any more. `accept`: what it lacks is all right. */
export type SinkRequest = 'forget' | 'accept';

/** Names of sinks. */
export const SINK_NAME = /^[a-z0-9-]{1,63}$/;

function pathOf(directory: string, sink: string, request: SinkRequest): string {
  return join(directory, CURSORS, `${sink}.${request}`);
}

/** Asks for something. Rejects with the system's error: who may not write there may not ask. */
export async function makeRequest(directory: string, sink: string, request: SinkRequest): Promise<void> {
  await (await openToWrite(pathOf(directory, sink, request), 'w')).close();
}

/** Whether somebody who may asks for it. */
export async function isRequested(directory: string, sink: string, request: SinkRequest): Promise<boolean> {
  if (!SINK_NAME.test(sink)) return false;
  try {
    const stats = await lstat(pathOf(directory, sink, request));
    return stats.isFile() && (stats.uid === 0 || stats.uid === process.geteuid?.());
  } catch {
    return false;
  }
}

export async function removeRequest(directory: string, sink: string, request: SinkRequest): Promise<void> {
  await rm(pathOf(directory, sink, request), { force: true });
}
