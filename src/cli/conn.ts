import { Command, Option } from 'commander';
import { plural, wholeText } from '../text/format.js';
import type { CaptureClient, Expiry, Welcome } from '../wire/client.js';
import type { ConnFilter } from '../wire/conn-filter.js';
import { toBigInt } from '../wire/proto.js';
import { withCapture } from './capture-answer.js';
import { type ConnFilterOptions, connFilters, isEmpty, PLACE_FLAGS } from './conn-filter.js';
import { connListing, FirstConnections } from './conn-list.js';
import type { ConnEvent } from './event.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { addListOptions, checkColumns, isForPeople, type ListOptions, peopleText, writeListing } from './listing.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';
import { resolved } from './place.js';

/** Rows that a person looks at. */
const LIMIT = 100;
const WATCH_S = 2;
/** A table of millions may take a while. */
const ANSWER_MS = 120_000;

const LS_EXAMPLES = `
All filters that are given must hold.

Examples:
  vslog conn ls
  vslog conn ls --rs 127.0.0.1:9001 --state ESTABLISHED
  vslog conn ls --client 10.0.0.0/8 --older-than 5m --limit 0
  vslog conn ls --quiesced --watch
  vslog conn ls --json | jq length`;

const EXPIRE_EXAMPLES = `
All filters that are given must hold; at least one, or --all, is needed.
Source engine ends each connection by itself: its client is reset, the log says "flushed". The kernel (source ipvs) ends only all connections of a real server
together: the server is removed while expire_nodest_conn is 1 and added again, as one operation; the log says "nodest". Where that would end connections outside the
filter it is refused; --dry-run says what would happen.

Examples:
  vslog conn expire --rs 127.0.0.1:9001 --dry-run
  vslog conn expire --rs 127.0.0.1:9001
  vslog conn expire --idle 10m --no-template
  vslog conn expire --all`;

export function connCommand(): Command {
  const command = new Command('conn').description('The live connections: list them, end them. Source conntrack only lists.');
  command.addCommand(lsCommand());
  command.addCommand(expireCommand());
  return command;
}

interface LsOptions extends ConnFilterOptions, ListOptions {
  readonly limit?: string;
  readonly watch?: string | true;
}

function lsCommand(): Command {
  const command = new Command('ls')
    .description('List live connections, persistence templates among them; with source conntrack flows.')
    .option('--limit <N>', `so many rows, and how many more there are; 0: all (default: ${LIMIT} for people, else all)`)
    .option('--watch [SECONDS]', `again every so many seconds, until Ctrl-C (default: ${WATCH_S})`)
    .addHelpText('after', LS_EXAMPLES);
  addConfigOptions(addFilterOptions(addListOptions(command)), 'conn');
  return command.action(async (options: LsOptions) => {
    const filters = connFilters(await resolved(options, PLACE_FLAGS));
    const limit = numberOf('limit', options.limit, isForPeople(options) ? LIMIT : 0, /^\d{1,9}$/);
    const seconds =
      options.watch === undefined
        ? undefined
        : numberOf('watch', options.watch === true ? undefined : options.watch, WATCH_S, /^\d{1,5}(\.\d+)?$/);
    if (seconds !== undefined && !isForPeople(options)) throw new Failure(Exit.usage, '--watch is for people: leave it or -o out.');
    checkColumns(connListing({ node: '', epoch: '' }), options);
    await withCapture(configOf(command, 'conn').values['capture.socket'], 'vslog conn', async (client, welcome) => {
      const wanted = { client, filters, limit: limit === 0 ? Number.POSITIVE_INFINITY : limit, options };
      // A table of millions goes through as it comes.
      if (limit === 0 && options.output === 'json' && options.columns === undefined) return listAllJson(client, welcome, filters);
      if (seconds !== undefined) return watch(wanted, seconds);
      const found = await firstOf(wanted);
      const more = moreText(found);
      // Without titles there are only rows.
      await writeListing(connListing(welcome), found.first(), options, options.headers === false ? '' : more);
      if (options.headers === false && more !== '') note(more.trimEnd());
    });
  });
}

interface ExpireOptions extends ConnFilterOptions, AnswerOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

function expireCommand(): Command {
  const command = new Command('expire')
    .description('End the matching connections at once.')
    .option('--all', 'every connection')
    .option('--dry-run', 'only count them, and say what would be done')
    .option('--force', 'source ipvs: also connections outside the filter that end with the others')
    .addHelpText('after', EXPIRE_EXAMPLES);
  addConfigOptions(addFilterOptions(addAnswerOptions(command, 'object')), 'conn');
  return command.action(async (options: ExpireOptions) => {
    const filters = connFilters(await resolved(options, PLACE_FLAGS));
    if (filters.every(isEmpty) !== (options.all === true)) {
      throw new Failure(
        Exit.usage,
        options.all === true
          ? '--all means every connection: leave it or the filters out.'
          : 'Say which connections are to end: by at least one filter such as --rs ADDRESS:PORT, or by --all.',
      );
    }
    await withCapture(configOf(command, 'conn').values['capture.socket'], 'vslog conn', async (client) => {
      const dry = options.dryRun === true;
      const force = options.force === true;
      if (!dry && !force && filters.length > 1) await refuseOthers(client, filters);
      let expiry: Expiry = { matched: 0, ended: 0, others: 0, steps: [] };
      for (const filter of filters) {
        const one = await client.expireConnections(filter, { force, dryRun: dry, timeoutMs: ANSWER_MS });
        expiry = {
          matched: expiry.matched + one.matched,
          ended: expiry.ended + one.ended,
          others: expiry.others + one.others,
          steps: [...expiry.steps, ...one.steps],
        };
      }
      return options.output === 'text' ? write(expiryText(expiry, dry)) : writeObject(options.output, expiry);
    });
  });
}

/** Each filter is carried out by itself: what would be refused of one of them is refused before any connection of another has ended. Throws Failure. */
async function refuseOthers(client: CaptureClient, filters: readonly ConnFilter[]): Promise<void> {
  for (const filter of filters) {
    const { others } = await client.expireConnections(filter, { force: false, dryRun: true, timeoutMs: ANSWER_MS });
    if (others > 0)
      throw new Failure(
        Exit.failure,
        `Nothing was ended: ${plural(others, 'connection')} outside one of these places would end with those that match. --force ends them, too; --dry-run says which; or name one place at a time.`,
      );
  }
}

function addFilterOptions(command: Command): Command {
  return command
    .option('--client <ADDRESS>', 'of this client: address, network, address:port, :port or a name; several with commas')
    .option('--vs <SERVICE>', 'of this virtual service, likewise; also "udp ADDRESS:PORT", "fwmark 7"')
    .option('--rs <ADDRESS>', 'on this real server or host, likewise')
    .addOption(new Option('--real <ADDRESS>', 'the old name of --rs').hideHelp())
    .option('--protocol <PROTOCOL>', 'tcp, udp, sctp or a number')
    .option('--fwmark <MARK>', 'of the service with this firewall mark')
    .option('--state <STATE>', 'in this state: ESTABLISHED, FIN_WAIT, ...; of TCP when no --protocol is given')
    .option('--template', 'persistence templates only')
    .option('--no-template', 'no persistence templates')
    .option('--older-than <TIME>', 'begun longer ago than 5m, 2h, ...')
    .option('--idle <TIME>', 'without a packet for so long')
    .option('--quiesced', 'on a real server with weight 0');
}

function expiryText({ matched, ended, others, steps }: Expiry, dry: boolean): string {
  const rest = dry || ended === matched ? '' : `; ${wholeText(matched - ended)} more ended by themselves or are still there`;
  const more = others === 0 ? '' : `, and ${wholeText(others)} outside the filter`;
  const what = steps.map((step) => `  ${step}\n`).join('');
  return `${plural(dry ? matched : ended, 'connection')} ${dry ? 'would end' : 'ended'}${more}${rest}\n${dry ? what : ''}`;
}

interface Wanted {
  readonly client: CaptureClient;
  readonly filters: readonly ConnFilter[];
  readonly limit: number;
  readonly options: ListOptions;
}

async function firstOf({ client, filters, limit }: Wanted): Promise<FirstConnections> {
  const found = new FirstConnections(limit);
  await each(client, filters, (event) => found.add(event));
  return found;
}

function moreText(found: FirstConnections): string {
  const rest = found.total - found.first().length;
  return rest === 0 ? '' : `and ${wholeText(rest)} more; --limit 0 shows all\n`;
}

/** Every connection that one of the filters takes, once. */
async function each(client: CaptureClient, filters: readonly ConnFilter[], take: (event: ConnEvent) => void): Promise<void> {
  const seen = new Set<string>();
  for (const filter of filters)
    await client.listConnections(
      filter,
      (event) => {
        const id = filters.length === 1 ? '' : String(toBigInt(event.conn_id));
        if (seen.has(id)) return;
        if (id !== '') seen.add(id);
        take(event);
      },
      ANSWER_MS,
    );
}

async function listAllJson(client: CaptureClient, where: Welcome, filters: readonly ConnFilter[]): Promise<void> {
  const { plain } = connListing(where);
  let text = '';
  let shown = 0;
  const flush = async (): Promise<void> => {
    const part = text;
    text = '';
    await write(part);
  };
  await each(client, filters, (event) => {
    text += `${shown++ === 0 ? '[\n' : ',\n'}${JSON.stringify(plain(event))}`;
    if (text.length < 1 << 20) return;
    client.pause();
    void flush().then(() => client.resume());
  });
  text += shown === 0 ? '[]\n' : '\n]\n';
  await flush();
}

async function watch(wanted: Wanted, seconds: number): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  try {
    while (!stop.signal.aborted) {
      const found = await firstOf(wanted);
      const text = `${peopleText(connListing({ node: '', epoch: '' }), found.first(), wanted.options)}${moreText(found)}`;
      await write(process.stdout.isTTY === true ? `\x1b[H\x1b[2J${text}` : `${text}\n`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        stop.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  } finally {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  }
}

function numberOf(flag: string, text: string | undefined, fallback: number, pattern: RegExp): number {
  if (text === undefined) return fallback;
  if (pattern.test(text)) return Number(text);
  throw new Failure(Exit.usage, `--${flag} is ${JSON.stringify(text)}: it must be a number, not negative.`);
}
