import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, redis, stream, to, topology } from 'millrace/topology';
import { MemoryBroker, memoryPort } from '../../lib/kafka/memory/index.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { run } from '../../lib/runtime/run.ts';
import { ALL_WRITTEN } from '../../lib/sinks/index.ts';
import { Random } from '../../lib/testing/random.ts';
import { VirtualClock } from '../../lib/testing/virtual-clock.ts';

// A worker that lost its partition may write to the sink until the next owner has claimed the fence. When the next owner had asked for
// the end of the log before that, the fence lay beyond it, which was taken for a topic made anew: everything was written once more.
describe('opening a task of a fenced sink', () => {
  it('gives the sink ends of the log that are asked for after older owners were shut out', async () => {
    const clock = new VirtualClock(new Random(1));
    const broker = new MemoryBroker({ clock });
    const record = { key: null, value: Buffer.from('{}'), timestamp: clock.now(), headers: [] };
    broker.createTopics([{ topic: 'in', partitions: 1, replicationFactor: 1, config: {} }]);
    broker.append({ topic: 'in', partition: 0 }, [record]);
    const ends: (readonly number[])[] = [];
    const worker = run(topology('ends', stream('in', json<object>()).pipe(to('out', redis.hash({ key: 'k', fields: () => ({ a: 1 }) })))), {
      environment: {}, settings: { registryUrl: '' }, clock, log: silentLogger, port: memoryPort({ broker }),
      drivers: () => ({
        open: () => Promise.resolve(),
        writer: async () => {
          broker.append({ topic: 'in', partition: 0 }, [record]);
          return { positions: (given) => (ends.push(given), Promise.resolve([2])), write: () => Promise.resolve(ALL_WRITTEN), close: () => Promise.resolve() };
        },
        health: () => Promise.resolve(),
        close: () => Promise.resolve(),
      }),
    });
    let stopped = false;
    await clock.run(() => ends.length > 0, 10_000);
    void worker.stop().then(() => { stopped = true; });
    await clock.run(() => stopped, 10_000);
    expect(ends[0]).to.deep.equal([2]);
  });
});
