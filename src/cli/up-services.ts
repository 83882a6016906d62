import { countText, plural } from '../text/format.js';
import { Administration } from '../wire/administration.js';
import { CaptureClient } from '../wire/client.js';
import { formatServiceKey } from './service-address.js';

/** Services that are named; the rest is a number. */
const NAMED = 10;
/** The capture has just said that it is ready, ms. */
const ANSWER_MS = 5000;

/** What is balanced, a line a virtual service; nothing where the source has no services or they cannot be asked. */
export async function balancedText(socket: string): Promise<string[]> {
  const client = new CaptureClient({ path: socket, software: 'vslog up', timeoutMs: ANSWER_MS });
  try {
    await client.connect();
    const services = await new Administration(client).services();
    if (services.length === 0) return ['No virtual service is balanced yet: `vslog vs add` or ipvsadm adds one.'];
    const lines = services.slice(0, NAMED).map(({ key, settings, reals }) => {
      const quiesced = reals.filter((real) => real.settings.get('real_weight') === '0').length;
      const rest = quiesced === 0 ? '' : `, ${countText(quiesced)} quiesced`;
      return `  ${formatServiceKey(key)}, ${settings.get('service_scheduler') ?? ''}, ${plural(reals.length, 'real server')}${rest}`;
    });
    return [
      'Balanced:',
      ...lines,
      ...(services.length > NAMED ? [`  and ${plural(services.length - NAMED, 'more virtual service')}`] : []),
    ];
  } catch {
    return [];
  } finally {
    client.close();
  }
}
