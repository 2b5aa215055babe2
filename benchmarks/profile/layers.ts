/** A CPU profile's time by layer of the record path. */

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** What V8's profiler gives; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export type Layer = 'fetch' | 'decode' | 'process' | 'state' | 'encode' | 'produce' | 'transport' | 'gc' | 'node' | 'idle';

/** What each layer is, for the report. */
export const layerTexts: Readonly<Record<Layer, string>> = {
  fetch: 'asking brokers and finding the records in their answers',
  decode: 'Avro, the Debezium envelope and keys into values',
  process: "the topology's functions, joins and the task's loop",
  state: 'stores and their changelog',
  encode: 'JSON, Avro and keys into bytes, partitions chosen, record batches written',
  produce: 'sending, transactions, offsets',
  transport: "KafkaJS: sockets, requests, group membership",
  gc: 'garbage collection',
  node: 'Node and V8 themselves: event loop, sockets, timers',
  idle: 'waiting',
};

/** The first that fits a frame decides. */
const RULES: readonly (readonly [url: RegExp, layer: Layer, functions?: RegExp])[] = [
  [/\/lib\/kafka\/kafkajs\/(fetch|reader|batch-decoder)\.ts$/, 'fetch'],
  [/\/lib\/kafka\/kafkajs\/batch-encoder\.ts$/, 'encode'],
  [/\/lib\/kafka\/kafkajs\/(produce|producer|requests|patience)\.ts$/, 'produce'],
  [/\/lib\/kafka\/partitioner\.ts$/, 'encode'],
  [/\/lib\/runtime\/outputs\.ts$/, 'encode'],
  [/\/lib\/runtime\/(checkpoint|purge)\.ts$/, 'produce'],
  [/\/lib\/serde\/(avro-writer|output)\.ts$/, 'encode'],
  [/\/lib\/serde\/(json|key|internal|avro|wire)\.ts$/, 'encode', /encode|keyText|canonical|readingOf/i],
  [/\/lib\/serde\/lookup\.ts$/, 'process'],
  [/\/lib\/serde\//, 'decode'],
  [/\/lib\/state\/|\/lib\/runtime\/checked-state\.ts$/, 'state'],
  [/\/(lib\/(runtime|plan|core)|topology|benchmarks)\//, 'process'],
];

/** Helpers of several layers: their caller decides. */
const SHARED = /\/lib\/kafka\/kafkajs\/(varint|wire|batch-format|protocol-errors)\.ts$/;
const TRANSPORT = /\/node_modules\/kafkajs\/|\/lib\/kafka\/kafkajs\//;

/** Starting and stopping the profiler itself. */
const PROFILER = 'node:inspector';

const special: Readonly<Record<string, Layer>> = { '(garbage collector)': 'gc', '(idle)': 'idle', '(program)': 'node', '(root)': 'node' };

/** Null where the caller decides: V8's and Node's own functions, generated code, shared helpers. */
export const layerOf = ({ functionName, url }: CallFrame): Layer | null => {
  if (url === '') return special[functionName] ?? null;
  if (url.startsWith('node:') || SHARED.test(url)) return null;
  const path = url.replaceAll('\\', '/');
  const rule = RULES.find(([place, , functions]) => place.test(path) && (functions === undefined || functions.test(functionName)));
  if (rule !== undefined) return rule[1];
  return TRANSPORT.test(path) ? 'transport' : null;
};

export interface FunctionTime {
  readonly layer: Layer;
  readonly name: string;
  readonly ms: number;
}

export interface LayerTimes {
  /** Milliseconds by layer, the largest first. */
  readonly layers: readonly { readonly layer: Layer; readonly ms: number }[];
  /** Functions with the most time of their own, the largest first. */
  readonly functions: readonly FunctionTime[];
}

const US_PER_MS = 1_000;

/** Name and file, without the folder the repository lies in. */
const nameOf = ({ functionName, url }: CallFrame): string => {
  const file = /(?:^|\/)((?:lib|topology|benchmarks|node_modules)\/.*|node:.*)$/.exec(url)?.[1];
  // V8's profiler gives its own and generated functions no place, and many of them no name.
  if (file === undefined) return functionName === '' || functionName === '(anonymous)' ? '(V8, generated)' : functionName;
  return `${functionName || '(anonymous)'} ${file}`;
};

/** Sums a profile's samples: each belongs to the innermost frame that has a layer. `most`: how many functions to name. */
export const byLayer = (profile: CpuProfile, most: number): LayerTimes => {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const layers = new Map<number, Layer>();
  const descend = (node: ProfileNode, inherited: Layer): void => {
    const layer = layerOf(node.callFrame) ?? inherited;
    layers.set(node.id, layer);
    for (const child of node.children ?? []) descend(nodes.get(child)!, layer);
  };
  const called = new Set(profile.nodes.flatMap((node) => node.children ?? []));
  for (const node of profile.nodes) if (!called.has(node.id)) descend(node, 'node');
  const perLayer = new Map<Layer, number>();
  const perFunction = new Map<string, FunctionTime>();
  profile.samples.forEach((id, i) => {
    if (nodes.get(id)!.callFrame.url === PROFILER) return;
    const layer = layers.get(id)!;
    const ms = profile.timeDeltas[i]! / US_PER_MS;
    perLayer.set(layer, (perLayer.get(layer) ?? 0) + ms);
    const name = nameOf(nodes.get(id)!.callFrame);
    const known = perFunction.get(`${layer} ${name}`);
    perFunction.set(`${layer} ${name}`, { layer, name, ms: (known?.ms ?? 0) + ms });
  });
  const rounded = (ms: number): number => Math.round(10 * ms) / 10;
  return {
    layers: [...perLayer].map(([layer, ms]) => ({ layer, ms: rounded(ms) })).sort((a, b) => b.ms - a.ms),
    functions: [...perFunction.values()].filter(({ layer }) => layer !== 'idle').sort((a, b) => b.ms - a.ms).slice(0, most).map((f) => ({ ...f, ms: rounded(f.ms) })),
  };
};
