/**
 * Does an event find its row? Rows and events from PostgreSQL through one Debezium connector, joined by our workers and by Kafka Streams
 * over the same topics, while workers are killed and restarted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { preparePeers } from '../engine/peers.ts';
import { say } from '../say.ts';
import { EVENTS_TOPIC, openPort, type BenchStack } from '../stack.ts';
import { Output } from './output.ts';
import { writePairs, type PairLoad } from './pairs.ts';
import { StreamsProcess } from './streams.ts';
import { isComplete, type Outcome } from './tally.ts';
import { JoinWorkers } from './workers.ts';

const PARTITIONS = 4;
const WRITERS = 3;
const WORKERS = 2;
/** They prove that both programs run before the load begins, and give Kafka Streams the key schema that it asks for at its start. */
const FIRST_PAIRS = 100;
const FIRST_TIMEOUT_MS = 90_000;
/** Kafka's consumers wait out a session of 45 s for a killed member. */
const DRAIN_TIMEOUT_MS = 150_000;
const POLL_MS = 500;

interface Restart {
  /** Share of the load that is written by then. */
  readonly at: number;
  readonly what: string;
  readonly act: (programs: Programs) => Promise<void>;
  /** Our workers that it ends. */
  readonly ended: number;
}

interface Programs {
  readonly workers: JoinWorkers;
  readonly streams: StreamsProcess | null;
}

const ofWorkers = (at: number, signal: 'SIGKILL' | 'SIGTERM', count: number): Restart =>
  ({ at, what: `${signal} of ${count} of ${WORKERS} workers`, act: ({ workers }) => workers.end(signal, count), ended: count });

/** Kafka Streams stands still for its session's 45 s after a kill: once is enough. Its program has no handler for SIGTERM, which is a kill to it. */
const RESTARTS: readonly Restart[] = [
  ofWorkers(0.15, 'SIGKILL', 1),
  { at: 0.3, what: 'SIGKILL of Kafka Streams', act: async ({ streams }) => { await streams?.restart(); }, ended: 0 },
  ofWorkers(0.35, 'SIGTERM', 1),
  ofWorkers(0.5, 'SIGKILL', 2),
  ofWorkers(0.7, 'SIGTERM', 2),
  ofWorkers(0.85, 'SIGKILL', 1),
];

export interface JoinProgram extends Outcome {
  readonly program: 'millrace' | 'streams';
  /** Seconds from the end of the load to the last output. */
  readonly drainS: number;
}

export interface JoinBody {
  readonly pairs: number;
  readonly rate: number;
  readonly achieved: number;
  readonly workers: number;
  readonly restarts: readonly string[];
  readonly programs: readonly JoinProgram[];
  /** Of our workers: batches that did not wait for their table. */
  readonly catchupTimeouts: number;
  /** Why Kafka Streams was not run, or null. */
  readonly skipped: string | null;
  /** Ours: every event once, with its row. */
  readonly passed: boolean;
}

export interface JoinOptions {
  readonly pairs: number;
  readonly rate: number;
}

const topicOf = (program: JoinProgram['program']): string => `bench-join.${program}`;

const createOutputs = async (port: KafkaPort): Promise<void> =>
  void (await port.admin().createTopics((['millrace', 'streams'] as const).map((program) => ({ topic: topicOf(program), partitions: PARTITIONS, replicationFactor: 1, config: {} }))));

const until = async (what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> => {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`in vain after ${timeoutMs / 1_000} s: ${what}`);
    await sleep(POLL_MS);
  }
};

const hasRecords = async (port: KafkaPort, count: number): Promise<boolean> => {
  const ends = await port.admin().endOffsets(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: EVENTS_TOPIC, partition })), 'read_committed');
  return ends.reduce((sum, { offset }) => sum + offset, 0) >= count;
};

interface Run extends Programs {
  readonly ours: Output;
  readonly theirs: Output | null;
}

/** Restarts at their shares of the load; both outputs are read all the while. */
const disturbed = async (run: Run, load: PairLoad, pairs: number): Promise<readonly string[]> => {
  const done: string[] = [];
  let told = 0;
  let writing = true;
  void load.done.catch(() => undefined).then(() => { writing = false; });
  for (const { at, what, act, ended } of RESTARTS) {
    while (writing && load.ids.size < at * pairs) {
      await Promise.all([run.ours.read(), run.theirs?.read(), sleep(POLL_MS)]);
      run.workers.check(told);
      run.streams?.check();
    }
    if (ended === 0 && run.streams === null) continue;
    told += ended;
    await act(run);
    done.push(`${what} at ${load.ids.size.toLocaleString('en-US')} pairs`);
    say(`  ${done.at(-1)}; joined so far: ${run.ours.tally.joined.toLocaleString('en-US')}${run.theirs === null ? '' : `, by Kafka Streams ${run.theirs.tally.joined.toLocaleString('en-US')}`}`);
  }
  await load.done;
  run.workers.check(told);
  return done;
};

/** Seconds until the output has so many events; it counts what is there when the time is over. */
const drained = async (output: Output, events: number): Promise<number> => {
  const begunMs = performance.now();
  await until('the last output', DRAIN_TIMEOUT_MS, async () => {
    await output.read();
    return output.tally.joined >= events;
  }).catch((error: unknown) => say(`  ${(error as Error).message}`));
  return Math.round((performance.now() - begunMs) / 100) / 10;
};

const tell = ({ program, joined, missed, stale, wrong, lost, duplicated, drainS }: JoinProgram): void =>
  say(`  ${program}: ${joined.toLocaleString('en-US')} joined, ${missed} without their row, ${stale} with an older version (${wrong.together} from one transaction, ${wrong.before} from two), ${lost} lost, ${duplicated} twice; done ${drainS} s after the load`);

const begin = async (stack: BenchStack, port: KafkaPort, withStreams: boolean): Promise<Run> => {
  const streams = withStreams ? new StreamsProcess(stack, { group: 'bench-join-streams', topic: topicOf('streams') }) : null;
  return {
    workers: new JoinWorkers(stack, { app: 'bench-join', topic: topicOf('millrace'), workers: WORKERS }),
    streams,
    ours: await Output.open(port, topicOf('millrace')),
    theirs: streams === null ? null : await Output.open(port, topicOf('streams')),
  };
};

export const runJoin = async (stack: BenchStack, options: JoinOptions): Promise<JoinBody> => {
  say(`Join completeness: ${options.pairs.toLocaleString('en-US')} pairs at ${options.rate}/s`);
  const { available, skipped } = await preparePeers(stack.environment, ['streams']);
  const why = available.has('streams') ? null : (skipped.streams ?? 'not built');
  if (why !== null) say(`  Kafka Streams is skipped: ${why}`);
  const port = openPort(stack.environment);
  const write = (pairs: number, rate: number): PairLoad =>
    writePairs({ connectionString: stack.environment.MILLRACE_PG_URL!, tables: { content: 'content', events: 'engagement_events' }, pairs, rate, writers: WRITERS });
  let run: Run | undefined;
  try {
    await createOutputs(port);
    const first = write(FIRST_PAIRS, FIRST_PAIRS);
    await first.done;
    await until('the first pairs in Kafka', FIRST_TIMEOUT_MS, () => hasRecords(port, FIRST_PAIRS));
    run = await begin(stack, port, why === null);
    const { workers, streams, ours, theirs } = run;
    await until('the first pairs in every output', FIRST_TIMEOUT_MS, async () => {
      workers.check(0);
      streams?.check();
      await Promise.all([ours.read(), theirs?.read()]);
      return ours.tally.joined >= FIRST_PAIRS && (theirs?.tally.joined ?? FIRST_PAIRS) >= FIRST_PAIRS;
    });
    const begunMs = performance.now();
    const load = write(options.pairs, options.rate);
    const restarts = await disturbed(run, load, options.pairs);
    const achieved = Math.round((load.ids.size * 1_000) / (performance.now() - begunMs));
    const ids = new Set([...first.ids, ...load.ids]);
    const drains = await Promise.all([drained(ours, ids.size), theirs === null ? 0 : drained(theirs, ids.size)]);
    const { catchupTimeouts } = workers;
    run = undefined;
    await Promise.all([workers.stop(), streams?.close()]);
    await Promise.all([ours.read(), theirs?.read()]);
    const programs: JoinProgram[] = [{ program: 'millrace', ...ours.tally.outcome(ids), drainS: drains[0] }];
    if (theirs !== null) programs.push({ program: 'streams', ...theirs.tally.outcome(ids), drainS: drains[1] });
    programs.forEach(tell);
    return { pairs: ids.size, rate: options.rate, achieved, workers: WORKERS, restarts, programs, catchupTimeouts, skipped: why, passed: isComplete(programs[0]!) };
  } finally {
    await Promise.allSettled([run?.workers.stop(), run?.streams?.close()]);
    await port.close();
  }
};
