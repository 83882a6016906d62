import { Administration, type VirtualService } from '../../wire/administration.js';
import { CaptureClient } from '../../wire/client.js';

/** The capture is given up after so long, ms. */
const ANSWER_MS = 5000;

/** The balancer's virtual services now, of the capture at a socket. Rejects with a sentence. */
export async function servicesAt(socket: string): Promise<VirtualService[]> {
  const client = new CaptureClient({ path: socket, software: 'vslog metrics', timeoutMs: ANSWER_MS });
  try {
    await client.connect();
    return await new Administration(client).services();
  } finally {
    client.close();
  }
}
