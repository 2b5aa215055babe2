/** Records on their way between two stages of an earlier version, in topics that no step reads any more. */
import type { CommittedPosition, KafkaAdmin, TopicDescription, TopicPartition } from '../kafka/port.ts';
import { names } from '../plan/names.ts';
import type { SpanReader } from './spans.ts';

export interface Waiting {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface WaitingOptions {
  readonly admin: KafkaAdmin;
  readonly spans: SpanReader;
}

export const deleteCommand = (topic: string): string => `kafka-topics.sh --bootstrap-server BROKERS --delete --topic ${topic}`;

interface Reader {
  readonly group: string;
  readonly committed: readonly CommittedPosition[];
}

/** Groups of the application that have read the topic: those with committed offsets of it, and the one that has its name. */
const readersOf = async (app: string, { topic, partitions }: TopicDescription, admin: KafkaAdmin): Promise<readonly Reader[]> => {
  const places = placesOf(topic, partitions);
  const named = namedReaders(app, topic);
  const groups = (await admin.listGroups()).filter((group) => group.startsWith(names.group(app, '')));
  const readers = await Promise.all(groups.map(async (group) => ({ group, committed: await admin.committed(group, places) })));
  return readers.filter(({ group, committed }) => committed.length > 0 || named.includes(group));
};

/** Groups that a repartition or input topic would have, by its name: that of its keyBy, or of its sink. */
export const namedReaders = (app: string, topic: string): readonly string[] =>
  [names.repartition, names.input].flatMap((called) => namesWithin(called(app, '\n'), topic)).map((stage) => names.group(app, stage));

const placesOf = (topic: string, partitions: number): TopicPartition[] => Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

const namesWithin = (pattern: string, topic: string): string[] => {
  const [prefix, suffix] = pattern.split('\n') as [string, string];
  return topic.startsWith(prefix) && topic.endsWith(suffix) && topic.length > prefix.length + suffix.length ? [topic.slice(prefix.length, -suffix.length)] : [];
};

/** Refused where a group of the application has left something: those records would never arrive. Else the topic may be of another application, whose name begins with this one's. */
export const waitingIn = async (app: string, orphans: readonly string[], options: WaitingOptions): Promise<Waiting> => {
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const description of await options.admin.describeTopics(orphans)) {
    const { topic, partitions } = description;
    const held = await options.spans.of(placesOf(topic, partitions));
    const readers = await readersOf(app, description, options.admin);
    const records = await recordsWaiting(held, readers, options.spans);
    if (records === 0) warnings.push(`no step of the topology reads ${topic} any more; to delete it: ${deleteCommand(topic)}`);
    else if (readers.length === 0) warnings.push(`no step of the topology reads ${topic}, which holds up to ${records} records; if they are of this application, nothing will process them; to delete it: ${deleteCommand(topic)}`);
    else problems.push(waitingText(topic, records, readers));
  }
  return { problems, warnings };
};

const recordsWaiting = async (held: Awaited<ReturnType<SpanReader['of']>>, readers: readonly Reader[], spans: SpanReader): Promise<number> => {
  let records = 0;
  for (const span of held) {
    const processed = readers.flatMap(({ committed }) => committed).filter(({ partition }) => partition === span.partition).map(({ offset }) => offset);
    const rest = { ...span, start: Math.max(span.start, ...processed) };
    if (rest.start < rest.end && await spans.holdsRecord(rest)) records += rest.end - rest.start;
  }
  return records;
};

const waitingText = (topic: string, records: number, readers: readonly Reader[]): string => [
  `topic ${topic} holds up to ${records} ${records === 1 ? 'record' : 'records'} that ${readers.map(({ group }) => group).join(', ')} ${readers.length === 1 ? 'has' : 'have'} not processed, and no step of the topology reads it: they would never arrive`,
  'was its keyBy or its sink renamed or taken away? Let the former version process them while nothing new comes, or give it its former name back',
  `to throw them away: ${deleteCommand(topic)}`,
].join('; ');
