/** Contexts, tasks and records for tests of sinks. */
import { expect } from 'chai';
import { readConfig } from '../../../lib/core/config.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { RetryError } from '../../../lib/core/errors.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import type { SinkContext, SinkRecord, SinkTask, SinkWriter, WriteResult } from '../../../lib/sinks/contract.ts';

export interface Item {
  readonly id: string;
  /** Makes the system itself refuse the record. */
  readonly bad?: boolean;
  /** Makes the sink's callback throw. */
  readonly throws?: boolean;
}

export const TOPIC = 'conformance';
/** Of logs that reach beyond everything that the tests write. */
export const FAR_ENDS = [1_000_000, 1_000_000];
/** Longest time that a sink may need to work again once its system does. */
export const RECOVERY_MS = 10_000;

export const contextOf = (overrides: Partial<SinkContext> = {}): SinkContext => ({
  app: 'tests', sink: `sink-${crypto.randomUUID().slice(0, 8)}`, clock: systemClock, log: silentLogger, timeoutMs: 5_000, ...overrides,
});

export const testConfig = readConfig(process.env);

export const taskOf = (epoch: number, overrides: Partial<SinkTask> = {}): SinkTask => ({
  partitions: [{ topic: TOPIC, partition: 0 }],
  owner: { producerId: 7, epoch },
  ...overrides,
});

export const recordOf = (value: unknown, offset: number, overrides: Partial<SinkRecord> = {}): SinkRecord => ({
  value, key: `key-${offset % 3}`, timestamp: 1_700_000_000_000 + offset, headers: [], topic: TOPIC, partition: 0, offset, now: 1_700_000_000_500, ...overrides,
});

export const items = (run: string, count: number): Item[] => Array.from({ length: count }, (_, n) => ({ id: `${run}-${n}` }));
/** Offsets with gaps, as transactions leave them. */
export const records = (values: readonly Item[]): SinkRecord[] => values.map((value, n) => recordOf(value, 2 * n + 10));
export const once = (values: readonly Item[]): Map<string, number> => new Map(values.map(({ id }) => [id, 1]));
export const running = (): AbortSignal => new AbortController().signal;

export const refusedIndexes = (result: WriteResult): number[] => result.refused.map(({ index }) => index);
export const retryIndexes = (result: WriteResult): number[] => result.retry.map(({ index }) => index);

/** The error of a rejected promise; fails when it resolves. */
export const rejection = async (work: Promise<unknown>): Promise<unknown> => {
  const outcome = await work.then(() => ({ error: null }), (error: unknown) => ({ error }));
  expect(outcome.error, 'it should have been rejected').not.equal(null);
  return outcome.error;
};

/** Writes as the runtime does: what is to be written again is, after a pause. */
export const writeAll = async (writer: SinkWriter, batch: readonly SinkRecord[]): Promise<{ readonly refused: readonly number[] }> => {
  const refused: number[] = [];
  let pending = batch.map((record, index) => ({ record, index }));
  const giveUpAt = performance.now() + RECOVERY_MS;
  while (pending.length > 0) {
    expect(performance.now(), 'the sink should have recovered').lessThan(giveUpAt);
    const attempt: WriteResult | null = await writer.write(pending.map(({ record }) => record), running()).catch((error: unknown) => {
      if (error instanceof RetryError) return null;
      throw error;
    });
    if (attempt !== null) {
      refused.push(...attempt.refused.map(({ index }) => pending[index]!.index));
      pending = attempt.retry.map(({ index }) => pending[index]!);
    }
    if (pending.length > 0) await systemClock.sleep(50);
  }
  return { refused };
};
