/** What crash points cost where none is armed: the real commit beside the same steps without them, and beside the cheapest commit that there is. */
import { systemClock } from '../../lib/core/clock.ts';
import { MemoryBroker, memoryPort } from '../../lib/kafka/memory/index.ts';
import type { OutputBatch, Position, TaskProducer } from '../../lib/kafka/port.ts';
import { commit, type Checkpoint } from '../../lib/runtime/checkpoint.ts';
import { withNote } from '../../lib/runtime/offset-note.ts';
import { median } from '../figures.ts';

export interface CrashPointCost {
  /** Microseconds of CPU that the points of one commit take. */
  readonly pointsUs: number;
  /** Of one commit of one record, over a cluster in memory without a network. */
  readonly commitUs: number;
  /** The former by the latter. */
  readonly share: number;
}

const CALLS = 200_000;
const ROUNDS = 9;
const COMMITS = 400;
const STAGE = { group: 'group', stores: [] };
const POSITIONS: readonly Position[] = [{ topic: 'in', partition: 0, offset: 1 }];

const cpuUs = async (times: number, act: () => Promise<void>): Promise<number> => {
  const begun = process.cpuUsage();
  for (let i = 0; i < times; i += 1) await act();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / times;
};

/** A producer that answers at once. */
const instant = (): TaskProducer => ({
  transactionalId: 'instant', init: () => Promise.resolve({ producerId: 0, epoch: 0 }), batch: () => ({}) as OutputBatch,
  send: () => Promise.resolve([]), sendOffsets: () => Promise.resolve(), commit: () => Promise.resolve(), close: () => Promise.resolve(),
});

/** The steps of the commit, and nothing between them. */
const bare = async ({ producer, output, positions, state, sealedMs, stage }: Checkpoint): Promise<void> => {
  const sent = output.count > 0 ? await producer.send(output) : [];
  await producer.sendOffsets(stage.group, withNote(positions, stage));
  await producer.commit();
  if (state !== null) await state.committed(sent, sealedMs);
};

const cheapestCommitUs = async (): Promise<number> => {
  const broker = new MemoryBroker({ clock: systemClock, markerMs: () => 0 });
  broker.createTopics([{ topic: 'out', partitions: 1, replicationFactor: 1, config: {} }]);
  const port = memoryPort({ broker, network: { call: async (_, apply) => apply() } });
  const producer = port.producer('cheapest', { transactionTimeoutMs: 60_000 });
  await producer.init();
  const us = await cpuUs(COMMITS, async () => {
    const output = producer.batch();
    output.append('out', 0, 'key', 'value', systemClock.now());
    await commit({ producer, stage: STAGE, output, positions: POSITIONS, state: null, sealedMs: 0, crash: null });
  });
  await port.close();
  return us;
};

export const crashPointCost = async (): Promise<CrashPointCost> => {
  const checkpoint: Checkpoint = { producer: instant(), stage: STAGE, output: { count: 1 } as OutputBatch, positions: POSITIONS, state: null, sealedMs: 0, crash: null };
  const differences: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const [points, none] = [await cpuUs(CALLS, () => commit(checkpoint)), await cpuUs(CALLS, () => bare(checkpoint))];
    // The first one is for the compiler.
    if (round > 0) differences.push(points - none);
  }
  const [pointsUs, commitUs] = [Math.max(0, median(differences)), await cheapestCommitUs()];
  return { pointsUs: Number(pointsUs.toFixed(4)), commitUs: Number(commitUs.toFixed(1)), share: pointsUs / commitUs };
};
