import { Command } from 'commander';
import type { Option } from '../config/option.js';
import { BadValue, parseValue } from '../config/value.js';
import { KafkaFailure } from '../sink/kafka/failure.js';
import type { TopicReport } from '../sink/kafka/init.js';
import { Exit } from './exit-codes.js';
import { Failure } from './failure.js';
import { type AnswerForm, type AnswerOptions, addAnswerOptions, writeObject } from './json-output.js';
import { addConfigOptions, configOf } from './options.js';
import { note, write } from './output.js';
import { admitConfigured } from './readers.js';

const INIT = `
New topics get 6 partitions, as many replicas as there are brokers, 3 at most, and the brokers' retention. Topics that are there are left as they are; what you ask for is compared with them.
Exit code 0: the topics are there and fit. 1: something differs, or does not work. 3: Kafka cannot be reached.

Examples:
  vslog sink kafka init --kafka-brokers kafka:9092
  vslog sink kafka init --partitions 12 --replication 3 --retention 30d
  vslog sink kafka init --dry-run --json`;

const CHECK = `
Exit code 0: the brokers let us in, and the topics are there and fit. 1: something differs. 3: Kafka cannot be reached.

Examples:
  vslog sink kafka check --kafka-brokers kafka-1:9092,kafka-2:9092
  vslog sink kafka check --json`;

const COUNT = { type: 'int', default: () => 0, min: 1, max: 10_000, doc: '', flag: '', commands: [] } as const satisfies Option<number>;
const RETENTION = {
  type: 'duration',
  default: () => 0,
  min: 60_000,
  max: 3650 * 86_400_000,
  doc: '',
  flag: '',
  commands: [],
} as const satisfies Option<number>;

/** `vslog sink kafka`: what one does with a Kafka cluster beside delivering to it. */
export function sinkKafkaCommand(): Command {
  const command = new Command('kafka').description('Kafka: make its topics, and look whether they fit.');
  command.addCommand(initCommand());
  command.addCommand(checkCommand());
  return command;
}

interface InitOptions extends AnswerOptions {
  readonly partitions?: string;
  readonly replication?: string;
  readonly retention?: string;
  readonly dryRun?: boolean;
}

function initCommand(): Command {
  const command = new Command('init')
    .description('Make the topics that are not there, and check those that are.')
    .option('--partitions <N>', 'partitions of each topic (default: 6)')
    .option('--replication <N>', 'copies of each partition (default: 3, or the number of brokers if that is less)')
    .option('--retention <TIME>', "how long messages are kept, such as 7d (default: the brokers')")
    .option('--dry-run', 'make nothing, say what would be made')
    .addHelpText('after', INIT);
  addConfigOptions(addAnswerOptions(command, 'object'), 'sink', 'kafka');
  return command.action(async ({ partitions, replication, retention, dryRun = false, output }: InitOptions) => {
    const wishes = {
      partitions: parsed('--partitions', COUNT, partitions),
      replication: parsed('--replication', COUNT, replication),
      retentionMs: parsed('--retention', RETENTION, retention),
    };
    await tell(command, wishes, dryRun, output, false);
  });
}

function checkCommand(): Command {
  const command = new Command('check')
    .description('Try the connection to kafka.brokers, and look at the topics. Changes nothing.')
    .addHelpText('after', CHECK);
  addConfigOptions(addAnswerOptions(command, 'object'), 'sink', 'kafka');
  return command.action(({ output }: AnswerOptions) => tell(command, {}, true, output, true));
}

/** `needed`: a topic that is not there is a problem. */
async function tell(command: Command, wishes: object, dryRun: boolean, form: AnswerForm, needed: boolean): Promise<void> {
  const [{ kafkaOptions }, { prepareTopics }] = await Promise.all([import('../sink/kafka/options.js'), import('../sink/kafka/init.js')]);
  let topics: TopicReport[];
  try {
    const { values } = configOf(command, 'sink');
    admitConfigured(values);
    topics = await prepareTopics(kafkaOptions(values), wishes, dryRun);
  } catch (error) {
    if (!(error instanceof KafkaFailure)) throw error;
    if (form !== 'text') await writeObject(form, { ok: false, topics: [], problem: error.message });
    throw new Failure(error.kind === 'unreachable' ? Exit.unreachable : Exit.failure, form === 'text' ? error.message : '');
  }
  const absent = (topic: TopicReport): string[] =>
    needed && topic.state === 'absent' ? [`There is no topic ${topic.topic}: run "vslog sink kafka init".`] : [];
  const problems = topics.flatMap((topic) => [...absent(topic), ...topic.problems]);
  if (form !== 'text') await writeObject(form, { ok: problems.length === 0, topics, problem: problems[0] ?? null });
  else {
    for (const topic of topics) await write(lineOf(topic, needed));
    for (const text of topics.flatMap(({ notes }) => notes)) note(text);
  }
  if (problems.length > 0) throw new Failure(Exit.failure, form === 'text' ? problems.join('\nvslog: ') : '');
}

function lineOf({ topic, state, partitions, replication, settings }: TopicReport, needed: boolean): string {
  const state_ = { made: 'made', there: 'is there', absent: needed ? 'is not there' : 'would be made' }[state];
  if (needed && state === 'absent') return `${topic}: ${state_}\n`;
  const kept = settings['retention.ms'];
  const retention =
    kept === undefined ? '' : `, messages kept ${kept === '-1' ? 'for ever' : `for ${Math.round(Number(kept) / 360_000) / 10} h`}`;
  return `${topic}: ${state_}, ${partitions} partition${partitions === 1 ? '' : 's'}, ${replication} ${replication === 1 ? 'copy' : 'copies'} of each${retention}\n`;
}

function parsed(flag: string, option: Option<number>, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return parseValue(option, text) as number;
  } catch (error) {
    if (error instanceof BadValue) throw new Failure(Exit.usage, `${flag} ${error.message}.`);
    throw error;
  }
}
