import { expect } from 'chai';
import { beforeEach, describe, it } from 'mocha';
import { json, keyBy, redis, scan, stream, to, topology } from 'millrace/topology';
import { readConfig } from '../../lib/core/config.ts';
import { RejoinError, RetryError } from '../../lib/core/errors.ts';
import { RateLimitedLog, silentLogger } from '../../lib/core/logger.ts';
import type { KafkaAdmin, Position } from '../../lib/kafka/port.ts';
import { plan } from '../../lib/plan/plan.ts';
import { Keeping } from '../../lib/runtime/keeping.ts';
import { Breaker } from '../../lib/sinks/breaker.ts';
import { ALL_WRITTEN, type SinkWriter } from '../../lib/sinks/index.ts';
import { Random } from '../../lib/testing/random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

const INPUT = 'app-behind-input';

describe('keeping what a sink was given', () => {
  const orders = stream('orders', json<{ user: string }>());
  const hash = redis.hash({ key: 'k', fields: () => ({ n: 1 }) });
  const { stages } = plan(topology('app',
    orders.pipe(keyBy('by', ({ user }) => user), scan('count', (n: number) => n + 1, { state: json<number>(), seed: 0 }), to('behind', hash)),
    orders.pipe(to('beside', hash))));

  let clock: VirtualClock;
  let position: number;
  let verified: (() => Promise<void>) | null;
  let asked: number;
  let deleted: (readonly Position[])[];

  beforeEach(() => {
    clock = new VirtualClock(new Random(1));
    position = 0;
    verified = () => Promise.resolve();
    asked = 0;
    deleted = [];
  });

  const keepingOf = (name: string): Keeping => {
    const stage = stages.find((s) => s.name === name)!;
    const writer: SinkWriter = { positions: () => Promise.resolve([null]), write: () => Promise.resolve(ALL_WRITTEN), close: () => Promise.resolve() };
    return new Keeping({
      context: {
        stage, clock, config: readConfig({}, { sinkCheckIntervalMs: 100, purgeIntervalMs: 1_000 }), limited: new RateLimitedLog(silentLogger, clock),
        admin: { deleteRecordsBefore: (positions: readonly Position[]) => (deleted.push(positions), Promise.resolve()) } as unknown as KafkaAdmin,
      },
      writer: verified === null ? writer : { ...writer, verify: () => { asked += 1; return verified!(); } },
      breaker: new Breaker({ clock, failures: 100, openMs: 1, openMaxMs: 1 }),
      signal: new AbortController().signal,
      done: () => stage.entries.map(({ topic }) => ({ topic, partition: 0, offset: position })),
    });
  };

  /** Attends every 50 ms, `position` growing by one each time. */
  const attend = async (keeping: Keeping, forMs: number): Promise<void> => {
    let over: unknown = false;
    const work = async (): Promise<void> => {
      for (let ms = 0; ms < forMs; ms += 50) {
        await clock.sleep(50);
        position += 1;
        await keeping.attend();
      }
    };
    void work().then(() => { over = true; }, (error: unknown) => { over = error; });
    await clock.run(() => over !== false, 10_000);
    if (over !== true) throw over as Error;
  };

  it('asks at its interval, though nothing is written', async () => {
    await attend(keepingOf('beside'), 1_000);
    expect(asked).to.equal(10);
  });

  it('ends the task when the sink has lost writes', async () => {
    const lost = new RejoinError('lost');
    verified = () => Promise.reject(lost);
    const thrown: unknown = await attend(keepingOf('beside'), 200).catch((error: unknown) => error);
    expect(thrown).to.equal(lost);
  });

  it('deletes of its input topic what the sink had a purge interval ago', async () => {
    await attend(keepingOf('behind'), 3_100);
    // Marked at 1,000 and 2,000 ms, that is after 20 and 40 steps; deleted an interval later.
    expect(deleted).to.deep.equal([[], [{ topic: INPUT, partition: 0, offset: 20 }], [{ topic: INPUT, partition: 0, offset: 40 }]]);
  });

  it('deletes nothing while the sink does not say that it has everything', async () => {
    verified = () => Promise.reject(new RetryError('down'));
    await attend(keepingOf('behind'), 3_100);
    expect(deleted).to.deep.equal([]);
    expect(asked).to.equal(31);
  });

  it('deletes nothing of topics that others read too', async () => {
    await attend(keepingOf('beside'), 3_100);
    expect(deleted.flat()).to.deep.equal([]);
  });

  it('has nothing to do for a sink that keeps no positions and reads a topic of others', () => {
    verified = null;
    expect(keepingOf('beside').dueInMs()).to.equal(null);
  });

  it('deletes at its interval for a sink that keeps no positions', async () => {
    verified = null;
    await attend(keepingOf('behind'), 2_100);
    expect(deleted).to.deep.equal([[], [{ topic: INPUT, partition: 0, offset: 20 }]]);
  });
});
