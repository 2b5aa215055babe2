/** What a backfill means for each kind of sink: when it is refused, and what it says before it begins. docs/decisions/0010-backfill.md says why. */
import { parentsOf, type Node, type SinkNode } from '../../topology/node.ts';
import type { KafkaAdmin, TopicPartition } from '../kafka/port.ts';
import type { TopologyValue } from '../plan/types.ts';
import type { From, To } from './range.ts';

export interface Choice {
  /** Only these sinks; empty: all. */
  readonly only: readonly string[];
  readonly without: readonly string[];
  /** Sinks that are written although they could come out wrong: the user knows that they do not. */
  readonly accept: readonly string[];
}

/** The sinks that are written, and what is wrong with the choice. */
export const chosenSinks = (topology: TopologyValue, { only, without, accept }: Choice): { readonly sinks: readonly SinkNode[]; readonly problems: readonly string[] } => {
  const known = topology.sinks.map(({ name }) => name);
  const unknown = [...new Set([...only, ...without, ...accept])].filter((name) => !known.includes(name));
  const sinks = topology.sinks.filter(({ name }) => (only.length === 0 || only.includes(name)) && !without.includes(name));
  return {
    sinks,
    problems: [...unknown.map((name) => `there is no sink ${name}; there are ${known.join(', ')}`), ...(sinks.length === 0 ? ['no sink is left'] : [])],
  };
};

const behindScan = (node: Node): boolean => node.kind === 'scan' || parentsOf(node).some(behindScan);

const wayOut = (name: string): string => `leave it out (--without ${name}), or say that this is as it should be (--accept ${name})`;

/** Why the sinks could come out wrong. `cut`: topics whose first records are gone. */
export const refusals = (sinks: readonly SinkNode[], { from, to, cut }: { readonly from: From; readonly to: To; readonly cut: readonly string[] }): string[] => sinks.flatMap((node) => {
  const { name, sink } = node;
  const problems: string[] = [];
  if (sink.kind === 'kafka') problems.push(`sink ${name}: topic ${sink.topic} would hold every record of the range a second time`);
  if (sink.kind === 'redis' && sink.type === 'increment') problems.push(`sink ${name}: its increments would be counted on top of what live traffic has counted`);
  if (sink.kind === 'redis' && sink.type === 'stream') problems.push(`sink ${name}: its Redis stream would get every entry of the range a second time, behind newer ones`);
  if (sink.kind === 'redis' && (sink.type === 'hash' || sink.type === 'sortedSet') && to !== 'now') {
    problems.push(`sink ${name}: a range that ends in the past leaves its old values in fields that have newer ones now; end it now (without --to)`);
  }
  if (behindScan(node)) {
    if (typeof from === 'number') problems.push(`sink ${name}: it comes from a scan, whose state begins empty at --from; begin at the earliest record (--from earliest)`);
    else if (cut.length > 0) problems.push(`sink ${name}: it comes from a scan, and the first records of ${cut.join(', ')} are gone, so its state would lack them`);
  }
  return problems.map((problem) => `${problem}; or ${wayOut(name)}`);
});

/** What is said of each sink before the first record is read. */
export const notesOf = (sinks: readonly SinkNode[], joins: boolean): string[] => [
  ...sinks.map(({ name, sink }) => {
    switch (sink.kind) {
      case 'redis': return sink.type === 'hash' || sink.type === 'sortedSet'
        ? `${name} (Redis): fields and members that live traffic writes from now on stay as it writes them; expiry runs from the backfill's write`
        : `${name} (Redis): what the range brings is added to what is there`;
      case 'bigquery': return `${name} (BigQuery): rows that the table has already are there twice afterwards (BigQuery drops repeated ids for about a minute only): query one row per id`;
      case 'http': return `${name} (HTTP): requests go out again with their Idempotency-Key; a partner that has forgotten a key takes its request for a new one`;
      case 'cassandra': return `${name} (Cassandra): a row that has a value of the same timestamp or a later one keeps it`;
      case 'kafka': return `${name} (Kafka): what the range brings is added to topic ${sink.topic}`;
    }
  }),
  ...(joins ? ['joins see the rows that tables have now, not those of the time'] : []),
];

/** The topics whose first records are gone, and which are not compacted: a compacted one still has the last record of every key. */
export const cutTopics = async (places: readonly TopicPartition[], admin: KafkaAdmin): Promise<readonly string[]> => {
  const starts = await admin.startOffsets(places);
  const cut = [...new Set(starts.filter(({ offset }) => offset > 0).map(({ topic }) => topic))];
  const described = await admin.describeTopics(cut);
  return described.filter(({ config }) => !(config['cleanup.policy'] ?? '').includes('compact')).map(({ topic }) => topic);
};

/** `snapshot` is where a connector's first snapshot begins: the beginning of a log that still has it. */
export const snapshotProblems = (from: From, cut: readonly string[]): string[] =>
  (from === 'snapshot' ? cut.map((topic) => `topic ${topic} no longer holds what the snapshot wrote: its first records are gone, and it is not compacted; have the tables read again (millrace snapshot TABLE), or take --from earliest`) : []);
