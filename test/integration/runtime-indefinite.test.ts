/** The answer to EndTxn is lost, or the request is late: the outcome is unknown, and the task asks Kafka for it instead of trying again. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { KafkaPort, TransactionalProducer } from '../../lib/kafka/port.ts';
import { counting, type Count, type Event } from './runtime/counting.ts';
import { Handles } from './support/handles.ts';
import { Broker } from './support/kafka-broker.ts';
import { startKafkaProxy, type KafkaProxy } from './support/kafka-proxy.ts';
import { eventually, Lab } from './support/lab.ts';

const EVENTS = 300;
const REQUEST_TIMEOUT_MS = 1_000;
/** Many small fetches, and as many commits. */
const SETTINGS = { fetchPartitionBytes: 1_024, queueBytes: 2_048, commitIntervalMs: 1, retryMaxMs: 500, registryUrl: '' };
/** The commit that is disturbed; those before it have worked. */
const DISTURBED = 3;

const eventOf = (id: number): Event => ({ id, user: `user-${id % 7}`, amount: id });

interface Call {
  readonly producer: number;
  readonly name: 'init' | 'send' | 'sendOffsets' | 'commit' | 'failed' | 'close';
}

/** A port through the proxy whose n-th commit is disturbed; notes what each producer is asked. */
const noting = (port: KafkaPort, calls: Call[], disturb: (commit: () => Promise<void>) => Promise<void>): KafkaPort => {
  let producers = 0;
  let commits = 0;
  const noted = (inner: TransactionalProducer): TransactionalProducer => {
    const producer = (producers += 1);
    const call = <T>(name: Call['name'], act: () => Promise<T>): Promise<T> => {
      calls.push({ producer, name });
      return act().catch((error: unknown) => {
        calls.push({ producer, name: 'failed' });
        throw error;
      });
    };
    return {
      transactionalId: inner.transactionalId,
      init: () => call('init', () => inner.init()),
      batch: () => inner.batch(),
      send: (batch) => call('send', () => inner.send(batch)),
      sendOffsets: (group, positions, member) => call('sendOffsets', () => inner.sendOffsets(group, positions, member)),
      commit: () => call('commit', () => ((commits += 1) === DISTURBED ? disturb(() => inner.commit()) : inner.commit())),
      abort: () => inner.abort(),
      close: () => call('close', () => inner.close()),
    };
  };
  return { ...port, producer: (id, options) => noted(port.producer(id, options)) };
};

describe('a commit whose outcome is unknown', function () {
  this.timeout(90_000);
  const lab = new Lab('indefinite');
  const broker = new Broker('indefinite');
  const handles = new Handles();
  const proxies: KafkaProxy[] = [];

  before(() => lab.admin());

  after(async () => {
    await handles.stop();
    await broker.close();
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await lab.close();
  });

  const outcome = async (app: string, disturb: (proxy: KafkaProxy, commit: () => Promise<void>) => Promise<void>): Promise<{ readonly calls: readonly Call[]; readonly counts: readonly Count[] }> => {
    await lab.topicCalled(`${app}.events`, 1);
    const proxy = await startKafkaProxy();
    proxies.push(proxy);
    const calls: Call[] = [];
    const port = noting(broker.portTo([proxy.address], { requestTimeoutMs: REQUEST_TIMEOUT_MS }), calls, (commit) => disturb(proxy, commit));
    const { handle } = handles.start(counting(app), { port, settings: SETTINGS });
    for (let first = 0; first < EVENTS; first += 20) {
      await lab.send(`${app}.events`, Array.from({ length: 20 }, (_, i) => ({ key: String(first + i), value: JSON.stringify(eventOf(first + i)) })));
    }
    let counts: readonly Count[] = [];
    await eventually(async () => {
      counts = await lab.readJson<Count>(`${app}.counts`);
      return counts.length >= EVENTS;
    }, () => `${EVENTS} counts, there are ${counts.length}; ${JSON.stringify(handle.figures().stages)}`);
    await handle.stop();
    return { calls, counts: await lab.readJson<Count>(`${app}.counts`) };
  };

  const expectOnce = (counts: readonly Count[]): void => {
    expect(counts.map(({ id }) => id).toSorted((a, b) => a - b)).to.deep.equal(Array.from({ length: EVENTS }, (_, id) => id));
    const totals = new Map<number, { n: number; sum: number }>();
    for (const { id, n, sum } of counts.toSorted((a, b) => a.id - b.id)) {
      const last = totals.get(id % 7) ?? { n: 0, sum: 0 };
      expect({ n, sum }).to.deep.equal({ n: last.n + 1, sum: last.sum + id });
      totals.set(id % 7, { n, sum });
    }
  };

  /** The producer is asked for nothing more; another one of its id begins with init. */
  const expectNeverTriedOn = (calls: readonly Call[]): void => {
    const failed = calls.find(({ name }, i) => name === 'failed' && calls.slice(0, i).findLast(({ producer }) => producer === calls[i]!.producer)?.name === 'commit')!;
    expect(failed, 'a commit failed').to.not.equal(undefined);
    const later = calls.slice(calls.indexOf(failed) + 1);
    expect(later.filter(({ producer }) => producer === failed.producer).map(({ name }) => name)).to.deep.equal(['close']);
    const next = later.find(({ name }) => name === 'init')!;
    expect(next.producer).to.be.above(failed.producer);
    expect(later.findIndex(({ producer, name }) => producer === failed.producer && name === 'close')).to.be.below(later.indexOf(next));
  };

  it('has been applied, and its answer is lost: nothing comes twice', async () => {
    let stood: readonly (readonly number[])[] = [];
    const app = `${lab.app}-lost`;
    const ends = async (): Promise<readonly number[]> => Promise.all([`${app}-by-user-repartition`, `${app}.counts`].map((topic) => lab.count(topic)));
    const { calls, counts } = await outcome(app, async (proxy, commit) => {
      const before = await ends();
      proxy.swallow();
      const ended = commit();
      ended.catch(() => undefined);
      await eventually(async () => (await ends()).some((end, i) => end > before[i]!), () => 'the marker of the transaction is written');
      stood = [before, await ends()];
      await ended.finally(() => proxy.cut());
    });
    expect(stood, 'the request had arrived').to.have.length(2);
    expectNeverTriedOn(calls);
    expectOnce(counts);
  });

  it('arrives only after the task has given it up: nothing is lost, nothing comes twice', async () => {
    const { calls, counts } = await outcome(`${lab.app}-late`, async (proxy, commit) => {
      proxy.hold();
      const ended = commit();
      await ended.finally(() => {
        proxy.cut();
        setTimeout(() => proxy.release(), 300);
      });
    });
    expectNeverTriedOn(calls);
    expectOnce(counts);
  });
});
