import type { Codec } from '../../topology/codecs.ts';
import type { KeyByNode, Node, SinkNode, SourceCodec, SourceNode, StatefulNode, TableNode, ThroughNode } from '../../topology/node.ts';

export type TopicRole = 'source' | 'table' | 'through' | 'sink' | 'repartition' | 'input' | 'changelog' | 'dead-letter';

/** A topic of the plan. `source` and `table` topics belong to somebody else and must exist; the others are created. */
export interface TopicPlan {
  readonly topic: string;
  readonly role: TopicRole;
  /** A fixed number, or as many as the widest of these topics has; an empty list: as many as it has. */
  readonly partitions: number | { readonly like: readonly string[] };
  readonly config: Readonly<Record<string, string>>;
}

/** A node that marks the end of a topic and the beginning of a stage. */
export type EntryNode = SourceNode | ThroughNode | KeyByNode | SinkNode;

export interface EntryPlan {
  readonly topic: string;
  /** `internal`: keys and values in the encoding of internal topics; else the codec of the topic. */
  readonly codec: SourceCodec | 'internal';
  /** Keys are in the encoding of internal topics (everything Millrace writes). */
  readonly keys: 'internal' | 'foreign';
  /** The nodes that begin with this topic's records. */
  readonly nodes: readonly EntryNode[];
}

export interface StorePlan {
  readonly name: string;
  readonly changelog: string;
  readonly node: StatefulNode;
}

export interface OutputPlan {
  /** Where the output leaves the graph. */
  readonly node: ThroughNode | KeyByNode | SinkNode;
  readonly topic: string;
  readonly codec: Codec<unknown> | 'internal';
}

export interface StagePlan {
  readonly name: string;
  readonly group: string;
  readonly entries: readonly EntryPlan[];
  readonly tables: readonly TableNode[];
  readonly stores: readonly StorePlan[];
  readonly outputs: readonly OutputPlan[];
  /** The outside sink this stage ends in, or null. */
  readonly sink: SinkNode | null;
  readonly deadLetters: string;
  /** The nodes that run in this stage. */
  readonly nodes: ReadonlySet<Node>;
  /** Transactional id of the task with this partition number. */
  transactionalId(partition: number): string;
}

export interface Plan {
  readonly app: string;
  readonly stages: readonly StagePlan[];
  readonly tables: readonly TableNode[];
  readonly topics: readonly TopicPlan[];
  /** Topics of sinks that are left out for now; they go on later. */
  readonly resting: readonly string[];
}

/** What a plan is made of: what `topology(...)` returns. */
export interface TopologyValue {
  readonly name: string;
  readonly sinks: readonly SinkNode[];
  /** Sinks that do not run now; what they have in Kafka stays for them. Default: none. */
  readonly leftOut?: readonly SinkNode[];
}
