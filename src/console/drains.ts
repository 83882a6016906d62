import { formatAddress } from '../cli/address.js';
import { predictionText, restText } from '../cli/service/drain-text.js';
import { formatServerKey, formatServiceKey, parseServerKey, parseServiceKey } from '../cli/service-address.js';
import { Drain, DrainError, type DrainLog, predicted, type WeightStep } from '../drain/drain.js';
import type { DrainMemory } from '../drain/memory.js';
import { byClient, establishedOf, type Place } from '../drain/rest.js';
import { type DrainTarget, isHost, targetName } from '../drain/target.js';
import { parseAddress } from '../wire/address.js';
import { Administration, type VirtualService } from '../wire/administration.js';
import type { CaptureClient } from '../wire/client.js';
import { ConsoleError } from './errors.js';

/** So many of the clients that are left are shown. */
const CLIENTS = 10;

/** What a drain needs beside the session with the capture. */
export interface DrainMeans {
  readonly log: DrainLog;
  readonly memory: DrainMemory;
}

/** What is quiesced: a host where all of it is, else each real server, or each real server of one service. With what is left there. */
export async function drainDocuments(client: CaptureClient, means: DrainMeans): Promise<unknown[]> {
  const services = await new Administration(client).services();
  const documents: unknown[] = [];
  for (const target of targetsOf(services)) {
    try {
      documents.push(await drainDocument(client, means, target));
    } catch (error) {
      // Somebody gave it its weight back, or took it away, meanwhile.
      if (!(error instanceof DrainError)) throw error;
    }
  }
  return documents;
}

/** Begins (`quiesce`), ends (`cancel`) or completes (`remove`) a drain for somebody. `of`: a host's address, or a real server. */
export async function drainAction(
  client: CaptureClient,
  means: DrainMeans,
  action: string,
  of: string,
  service: string | undefined,
  forWhom: string,
): Promise<unknown> {
  const target = parseTarget(of, service);
  const drain = new Drain({ client, ...means, target, forWhom });
  const steps: WeightStep[] = [];
  const told = (step: WeightStep): void => void steps.push(step);
  if (action === 'quiesce') await drain.quiesce(told);
  else if (action === 'cancel') await drain.cancel(told);
  else if (action === 'remove') {
    const { established } = await drain.look();
    if (established > 0)
      throw new ConsoleError(
        409,
        `${drain.name} has ${established === 1 ? 'an established connection' : `${established} established connections`}: removing it would cut them.`,
      );
    return { removed: await drain.remove() };
  } else throw new ConsoleError(400, `There is no action ${JSON.stringify(action)}: quiesce, cancel or remove.`);
  if (steps.length === 0) throw new ConsoleError(409, `No virtual service has a real server at ${drain.name}.`);
  return { steps };
}

function parseTarget(of: string, service: string | undefined): DrainTarget {
  const only = service === undefined ? {} : { only: parseServiceKey(service) };
  const address = parseAddress(of);
  if (address !== undefined) return { addresses: [address], ...only };
  const key = parseServerKey(of);
  return { addresses: [key.address], port: key.port, ...only };
}

const weightOf = ({ real }: Place): number => Number(real.settings.get('real_weight'));

/** Hosts in the order of their text; of each the largest parts of it that are quiesced. */
function targetsOf(services: readonly VirtualService[]): DrainTarget[] {
  const hosts = new Map<string, Place[]>();
  for (const service of services)
    for (const real of service.reals) {
      const host = formatAddress(real.key.address);
      hosts.set(host, [...(hosts.get(host) ?? []), { service, real }]);
    }
  return [...hosts].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, places]) => partsOf(places));
}

function partsOf(places: readonly Place[]): DrainTarget[] {
  const quiesced = places.filter((place) => weightOf(place) === 0);
  const [first] = quiesced;
  if (first === undefined) return [];
  const addresses = [first.real.key.address];
  if (quiesced.length === places.length) return [{ addresses }];
  const ports = [...new Set(quiesced.map(({ real }) => real.key.port))].sort((a, b) => a - b);
  return ports.flatMap((port): DrainTarget[] => {
    if (places.every((place) => place.real.key.port !== port || weightOf(place) === 0)) return [{ addresses, port }];
    return quiesced.filter(({ real }) => real.key.port === port).map(({ service }) => ({ addresses, port, only: service.key }));
  });
}

async function drainDocument(client: CaptureClient, means: DrainMeans, target: DrainTarget): Promise<unknown> {
  const drain = new Drain({ client, ...means, target });
  const rest = await drain.look();
  let prediction = '';
  let forecast: unknown = null;
  if (rest.established > 0) {
    try {
      const found = predicted(await drain.history(), rest);
      if (found !== undefined) {
        forecast = { half: found.half ?? null, most: found.most ?? null, all: found.all ?? null, unknown: found.unknown };
        prediction = predictionText(found);
      }
    } catch (error) {
      prediction = `no forecast: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  const established = establishedOf(rest);
  const places = await drain.places();
  const besides = await drain.besides();
  return {
    of: targetName(target),
    service: target.only === undefined ? null : formatServiceKey(target.only),
    host: isHost(target),
    places: places.map(({ service, real }) => ({
      service: formatServiceKey(service.key),
      real: formatServerKey(real.key),
      weight: means.memory.weightOf(formatServiceKey(service.key), formatServerKey(real.key)) ?? null,
    })),
    established: rest.established,
    others: rest.others,
    templates: rest.templates,
    text: restText(rest),
    verdict: rest.established > 0 ? '' : isHost(target) ? 'Safe to unplug' : target.only === undefined ? 'Safe to stop' : 'Empty',
    serves: besides.map(({ service, real }) => `${formatServerKey(real.key)} of ${formatServiceKey(service.key)}`),
    prediction,
    forecast,
    clients: byClient(established, ({ client: address }) => formatAddress(address)).slice(0, CLIENTS),
    oldest: established.flatMap(({ age }) => (age === undefined ? [] : [age])).sort((a, b) => b - a)[0] ?? null,
  };
}
