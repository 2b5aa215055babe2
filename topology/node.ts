/**
 * The graph behind streams. Nodes are immutable values without types of records: the types live on `Stream`.
 * A node knows its parents only, so a stream can be piped into any number of branches.
 */
import type { OperatorFunction } from 'rxjs';
import type { Codec, DebeziumCodec } from './codecs.ts';
import type { Meta } from './meta.ts';
import type { Sink } from './sinks.ts';
import type { TopicOptions } from './topics.ts';

export type { TopicOptions } from './topics.ts';

export type AnyFunction<R = unknown> = (value: never, meta: Meta<never>) => R;
export type SourceCodec = Codec<unknown> | DebeziumCodec<unknown>;

/** A table: the latest value per key of a compacted topic, whole on every worker. Not a node of the stream graph; joins refer to it. */
export interface TableNode {
  readonly kind: 'table';
  readonly topic: string;
  readonly codec: SourceCodec;
  /** Column(s) that make the key. One column: its scalar value. */
  readonly key: string | readonly string[];
}

export interface SourceNode {
  readonly kind: 'source';
  readonly topic: string;
  readonly codec: SourceCodec;
}

export interface InsertsNode {
  readonly kind: 'inserts';
  readonly parent: StreamNode;
  readonly snapshot: 'include' | 'exclude';
}

export interface ChangesNode {
  readonly kind: 'changes';
  readonly parent: StreamNode;
  readonly snapshot: 'include' | 'exclude';
  readonly identity: 'default' | 'full';
}

export interface UpsertsNode {
  readonly kind: 'upserts';
  readonly parent: StreamNode;
  /** Column(s) that make the key. One column: its scalar value. */
  readonly key: string | readonly string[];
}

export interface DedupeNode {
  readonly kind: 'dedupe';
  readonly parent: StreamNode;
  /** Name of the store; its changelog is `<app>-<name>-changelog`. */
  readonly name: string;
  /** Changes remembered per partition. */
  readonly events: number;
  readonly state: Codec<unknown>;
}

export interface MapNode {
  readonly kind: 'map';
  readonly parent: StreamNode;
  readonly apply: AnyFunction;
}

export interface FilterNode {
  readonly kind: 'filter';
  readonly parent: StreamNode;
  readonly predicate: AnyFunction;
}

export interface TapNode {
  readonly kind: 'tap';
  readonly parent: StreamNode;
  readonly effect: AnyFunction;
}

export interface ValidateNode {
  readonly kind: 'validate';
  readonly parent: StreamNode;
  /** Name of the rule -> true when the value keeps it. Checked in this order; the first broken one names the dead letter. */
  readonly rules: Readonly<Record<string, AnyFunction>>;
}

export interface KeyByNode {
  readonly kind: 'keyBy';
  readonly parent: StreamNode;
  /** Needed when a stateful step follows: it names the repartition topic. */
  readonly name: string | null;
  readonly key: AnyFunction;
  /** How values stand on the repartition topic; null: the internal encoding, which carries bigint, Date and bytes too. */
  readonly codec: Codec<unknown> | null;
}

export interface JoinNode {
  readonly kind: 'join';
  readonly parent: StreamNode;
  readonly table: TableNode;
  readonly key: AnyFunction;
  /** 'inner': records without a row are dropped and counted. 'left': they go on with null. */
  readonly type: 'inner' | 'left';
}

export interface MergeNode {
  readonly kind: 'merge';
  readonly parents: readonly StreamNode[];
  /** Names the stage when the merged streams come from several topics. */
  readonly name: string | null;
}

export interface BranchNode {
  readonly kind: 'branch';
  readonly parent: StreamNode;
  /** Name -> predicate, or null for `otherwise`. First match wins. */
  readonly branches: Readonly<Record<string, AnyFunction | null>>;
}

/** A step whose results come over time: an inner stream per record. */
export interface InnerNode {
  readonly kind: 'inner';
  readonly operator: 'concatMap' | 'mergeMap' | 'rx';
  readonly parent: StreamNode;
  /** Value -> ObservableInput; null for `rx`, which has operators instead. */
  readonly project: AnyFunction | null;
  readonly operators: readonly OperatorFunction<never, unknown>[];
  /** Records of one task under way at once. */
  readonly concurrency: number;
}

/** One way out of a branch. */
export interface ArmNode {
  readonly kind: 'arm';
  readonly parent: BranchNode;
  readonly name: string;
}

export interface ScanNode {
  readonly kind: 'scan';
  readonly parent: StreamNode;
  /** Name of the store; its changelog is `<app>-<name>-changelog`. */
  readonly name: string;
  readonly reducer: (state: never, value: never, meta: Meta<never>) => unknown;
  readonly seed: unknown;
  readonly state: Codec<unknown>;
}

export interface ThroughNode {
  readonly kind: 'through';
  readonly parent: StreamNode;
  readonly topic: string;
  readonly codec: Codec<unknown>;
  readonly options: TopicOptions;
}

export interface SinkNode {
  readonly kind: 'sink';
  readonly parent: StreamNode;
  /** Names the sink, and its stage when the sink is outside Kafka. */
  readonly name: string;
  readonly sink: Sink;
  readonly batch: BatchOptions;
}

export interface BatchOptions {
  /** At most so many records a write. */
  readonly records: number;
  /** A write does not wait longer than this for more records. */
  readonly waitMs: number;
}

export type StreamNode =
  | SourceNode | InsertsNode | ChangesNode | UpsertsNode | DedupeNode | MapNode | FilterNode | TapNode | ValidateNode | KeyByNode | JoinNode | MergeNode | BranchNode | ArmNode | InnerNode | ScanNode | ThroughNode;

export type Node = StreamNode | SinkNode;

/** A step with a store of its own. */
export type StatefulNode = ScanNode | DedupeNode;

export const isStateful = (node: Node): node is StatefulNode => node.kind === 'scan' || node.kind === 'dedupe';

/** What leads into a node. */
export const parentsOf = (node: Node): readonly StreamNode[] => {
  if (node.kind === 'source') return [];
  return node.kind === 'merge' ? node.parents : [node.parent];
};

const named = (fn: { readonly name: string }): string => (fn.name === '' || fn.name === 'apply' ? '' : fn.name);

/** One step as people read it: `map(withMetrics)`, `leftJoin(app.public.content)`. */
export const labelOf = (node: Node): string => {
  const call = (word: string, ...args: string[]): string => {
    const inner = args.filter((a) => a !== '').join(', ');
    return inner === '' ? word : `${word}(${inner})`;
  };
  switch (node.kind) {
    case 'source': return call('stream', node.topic);
    case 'inserts': return 'inserts';
    case 'changes': return 'changes';
    case 'upserts': return call('upserts', ...[node.key].flat());
    case 'dedupe': return call('dedupe', node.name);
    case 'map': return call('map', named(node.apply));
    case 'filter': return call('filter', named(node.predicate));
    case 'tap': return call('tap', named(node.effect));
    case 'validate': return call('validate', ...Object.keys(node.rules));
    case 'keyBy': return call('keyBy', node.name ?? named(node.key));
    case 'join': return call(node.type === 'left' ? 'leftJoin' : 'join', node.table.topic);
    case 'merge': return call('merge', node.name ?? '');
    case 'branch': return call('branch', ...Object.keys(node.branches));
    case 'arm': return node.name;
    case 'inner': return call(node.operator, node.project === null ? '' : named(node.project));
    case 'scan': return call('scan', node.name);
    case 'through': return call('through', node.topic);
    case 'sink': return call('to', node.name);
  }
};

/** The way to a node from its source, `stream(t) > inserts > map(f)`: how errors say where. A merge is followed by its first parent. */
export const pathOf = (node: Node): string => {
  const labels: string[] = [];
  let at: Node | undefined = node;
  while (at !== undefined) {
    labels.unshift(labelOf(at));
    at = at.kind === 'through' && at !== node ? undefined : parentsOf(at)[0];
  }
  return labels.join(' > ');
};
