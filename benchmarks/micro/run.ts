/** Parts of the record path by themselves, without servers. CPU time of this process, microseconds a call. */
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { say } from '../say.ts';
import { partitionOf } from '../../lib/kafka/partitioner.ts';
import { MemoryStore } from '../../lib/state/memory.ts';
import { crashPointCost } from './crash-points.ts';

const TIMEOUT_MS = 60_000;
const ROUNDS = 500_000;
const KEYS = 5_000;
const PARTITIONS = 12;

export interface MicroResult {
  readonly name: string;
  readonly what: string;
  readonly us: number;
}

export interface MicroBody {
  readonly results: readonly MicroResult[];
}

const microseconds = (call: (i: number) => unknown): number => {
  for (let i = 0; i < ROUNDS / 5; i += 1) call(i);
  const begun = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i += 1) call(i);
  const { user, system } = process.cpuUsage(begun);
  return Number(((user + system) / ROUNDS).toFixed(3));
};

interface AvroResult {
  readonly bytes: number;
  readonly own: number;
  readonly ownAll: number;
  readonly avscProjected: number;
  readonly avscWhole: number;
  readonly avscRow: number;
  readonly avscRowFew: number;
}

/** An envelope may take so many times what avsc takes for the row alone. */
const MOST_TIMES_THE_ROW = 1.5;

const timesTheRow = (what: string, envelope: number, row: number): void => {
  const times = envelope / row;
  say(`  an envelope, ${what}: ${times.toFixed(2)} times the row alone with avsc (at most ${MOST_TIMES_THE_ROW})${times > MOST_TIMES_THE_ROW ? ': MISSED' : ''}`);
};

/** Each in a process of its own, where no other has shaped the compiler's guesses. */
const readAvro = async (): Promise<readonly MicroResult[]> => {
  const { code, stdout, stderr } = await runCommand(process.execPath, [join(import.meta.dirname, '..', 'avro.ts')], { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`avro.ts ended with code ${code}: ${stderr}`);
  const { bytes, own, ownAll, avscProjected, avscWhole, avscRow, avscRowFew } = JSON.parse(stdout) as AvroResult;
  const event = `a Debezium event of ${bytes} bytes`;
  timesTheRow('all columns', ownAll, avscRow);
  timesTheRow('five columns', own, avscRowFew);
  return [
    { name: 'decode, own reader', what: `${event}, five columns of nineteen`, us: own },
    { name: 'decode, own reader, all columns', what: `${event}, its row whole`, us: ownAll },
    { name: 'decode, avsc, row alone', what: 'the row of that event without its envelope', us: avscRow },
    { name: 'decode, avsc, row alone, projected', what: 'the same, five columns of nineteen', us: avscRowFew },
    { name: 'decode, avsc', what: `${event}, the same projection`, us: avscProjected },
    { name: 'decode, avsc whole', what: `${event}, the whole envelope`, us: avscWhole },
  ];
};

const partitioner = (): MicroResult => {
  const keys = Array.from({ length: KEYS }, (_, i) => Buffer.from(`239b55f9-df06-21a3-2a59-9ecd6e9c${String(i).padStart(4, '0')}`));
  return { name: 'partition of a key', what: 'murmur2 of a UUID as text', us: microseconds((i) => partitionOf(keys[i % KEYS]!, PARTITIONS)) };
};

const store = (): MicroResult => {
  const memory = new MemoryStore('micro');
  const keys = Array.from({ length: KEYS }, (_, i) => `content-${i}`);
  let writes = 0;
  const us = microseconds((i) => {
    memory.begin();
    const key = keys[i % KEYS]!;
    memory.put(key, { events: ((memory.get(key) as { readonly events: number } | undefined)?.events ?? 0) + 1 });
    writes += 1;
    if (writes % KEYS !== 0) return;
    memory.seal();
    memory.committed();
  });
  return { name: 'state of a key', what: `get and put in memory, ${KEYS.toLocaleString('en-US')} keys, a commit after as many`, us };
};

const crashPoints = async (): Promise<readonly MicroResult[]> => {
  const { pointsUs, commitUs, share } = await crashPointCost();
  return [
    { name: 'crash points of a commit, unarmed', what: `${Number((100 * share).toPrecision(2))} % of the cheapest commit; at most 1 % is allowed`, us: pointsUs },
    { name: 'the cheapest commit', what: 'one record, over a cluster in memory without a network', us: commitUs },
  ];
};

export const runMicro = async (): Promise<MicroBody> => {
  say('Parts by themselves');
  const results = [...await readAvro(), partitioner(), store(), ...await crashPoints()];
  for (const { name, what, us } of results) say(`  ${name}: ${us} us (${what})`);
  return { results };
};
