import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, kafka, stream, to, topology } from 'millrace/topology';
import { RateLimitedLog, silentLogger } from '../../lib/core/logger.ts';
import type { KafkaAdmin, Position, TopicPartition } from '../../lib/kafka/port.ts';
import { plan } from '../../lib/plan/plan.ts';
import { CommittedLag, groupLag } from '../../lib/runtime/committed-lag.ts';
import { ManualClock, settled } from './support.ts';

const TOPIC = 'numbers';
const stage = plan(topology('app', stream(TOPIC, json<number>()).pipe(to('out', kafka('out', json<number>()))))).stages[0]!;
const place = (partition: number): TopicPartition => ({ topic: TOPIC, partition });

/** Kafka as the test says, and how often it was asked. */
class Asked {
  readonly starts: number[] = [0, 10];
  readonly ends: number[] = [7, 30];
  readonly committed: (number | null)[] = [2, null];
  members = 0;
  questions = 0;
  failure: Error | null = null;
  readonly clock = new ManualClock();
  readonly options = { clock: this.clock, limited: new RateLimitedLog(silentLogger, this.clock), stage, admin: this.#admin(), partitions: new Map([[TOPIC, 2]]) };

  #admin(): KafkaAdmin {
    const at = (offsets: readonly (number | null)[]) => (places: readonly TopicPartition[]): Promise<Position[]> =>
      Promise.resolve(places.flatMap((p) => (offsets[p.partition] == null ? [] : [{ ...p, offset: offsets[p.partition]! }])));
    const admin: Partial<KafkaAdmin> = {
      groupSizes: () => Promise.resolve([this.members]),
      startOffsets: at(this.starts),
      committed: (_group, places) => at(this.committed)(places),
      endOffsets: (places) => {
        this.questions += 1;
        return this.failure === null ? at(this.ends)(places) : Promise.reject(this.failure);
      },
    };
    return admin as KafkaAdmin;
  }
}

describe('the lag of partitions that no task reads', () => {
  it('is what lies behind the committed offset, else behind the start of the log, and as old as it is known', async () => {
    const asked = new Asked();
    const lag = new CommittedLag(asked.options);
    expect(lag.of([place(0), place(1)]), 'before the answer').to.deep.equal({ records: 0, ms: 0 });
    await settled();
    await asked.clock.advance(1_000);
    expect(lag.of([place(0), place(1)])).to.deep.equal({ records: 5 + 20, ms: 1_000 });
    expect(lag.of([place(0)]), 'the other one was opened').to.deep.equal({ records: 5, ms: 1_000 });
  });

  it('is asked for by one question at a time, one in five seconds, and only while somebody wants to know', async () => {
    const asked = new Asked();
    const lag = new CommittedLag(asked.options);
    for (let second = 0; second < 11; second += 1) {
      lag.of([place(0)]);
      await asked.clock.advance(1_000);
    }
    expect(asked.questions).to.equal(3);
    await asked.clock.advance(60_000);
    lag.of([]);
    await settled();
    expect(asked.questions).to.equal(3);
  });

  it('begins anew when there was none in between, and is kept while Kafka does not answer', async () => {
    const asked = new Asked();
    const lag = new CommittedLag(asked.options);
    const after = async (ms: number) => {
      await asked.clock.advance(ms);
      lag.of([place(0)]);
      await settled();
      return lag.of([place(0)]);
    };
    expect(await after(5_000)).to.deep.equal({ records: 5, ms: 0 });
    asked.failure = new Error('away');
    expect(await after(10_000)).to.deep.equal({ records: 5, ms: 10_000 });
    asked.failure = null;
    asked.ends[0] = 2;
    expect(await after(5_000)).to.deep.equal({ records: 0, ms: 0 });
    asked.ends[0] = 3;
    expect(await after(5_000)).to.deep.equal({ records: 1, ms: 0 });
    expect(await after(1_000)).to.deep.equal({ records: 1, ms: 1_000 });
  });

  it('is that of all partitions of a stage, while its group has no member', async () => {
    const asked = new Asked();
    const lag = groupLag(asked.options);
    const after = async (ms: number) => {
      await asked.clock.advance(ms);
      lag();
      await settled();
      return lag().records;
    };
    expect(await after(0)).to.equal(25);
    asked.members = 1;
    expect(await after(5_000)).to.equal(0);
    asked.members = 0;
    expect(await after(5_000)).to.equal(25);
  });
});
