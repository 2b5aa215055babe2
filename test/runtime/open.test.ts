/** Tasks whose opening fails late: whatever was taken is let go. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { http, json, kafka, scan, stream, to, topology } from 'millrace/topology';
import { RejoinError, RetryError } from '../../lib/core/errors.ts';
import type { KafkaAdmin, KafkaPort, Position, TopicPartition } from '../../lib/kafka/port.ts';
import { MemoryBroker, memoryPort } from '../../lib/kafka/memory/index.ts';
import { plan } from '../../lib/plan/plan.ts';
import type { StageContext } from '../../lib/runtime/context.ts';
import { openTask } from '../../lib/runtime/open.ts';
import { StoreViews } from '../../lib/runtime/store-views.ts';
import { Breaker } from '../../lib/sinks/breaker.ts';
import { ALL_WRITTEN, type SinkDriver } from '../../lib/sinks/contract.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { Store } from '../../lib/state/store.ts';
import { contextFor, FakeProducer, ManualClock } from './support.ts';

const numbers = stream('numbers', json<number>());

/** Which stores are in the views now. */
class Attached extends StoreViews {
  readonly stores = new Set<Store>();

  constructor() {
    super(['sums'], (error) => { throw error; });
  }

  override attach(stores: readonly Store[]): void {
    for (const store of stores) this.stores.add(store);
  }

  override detach(stores: readonly Store[]): void {
    for (const store of stores) this.stores.delete(store);
  }
}

const open = (context: StageContext, signal = new AbortController().signal): Promise<unknown> =>
  openTask(context, { partition: 0, signal, membership: () => null, checksStates: false, onRoom: () => {} }).then(() => 'opened', (error: unknown) => error);

describe('a task that is closed while it opens', () => {
  it('leaves none of its stores behind, though it was all but open', async () => {
    const broker = new MemoryBroker({ clock: systemClock, groupDelayMs: 0, markerMs: () => 0 });
    broker.createTopics(['numbers', 'out', 'app-sums-changelog'].map((topic) => ({ topic, partitions: 1, replicationFactor: 1, config: {} })));
    const stage = plan(topology('app', numbers.pipe(scan('sums', (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 }), to('out', kafka('out', json<number>()))))).stages[0]!;
    const views = new Attached();
    const port = memoryPort({ broker });
    const closing = new AbortController();
    const closed = new RejoinError('the partition belongs to somebody else now');
    const attached: number[] = [];
    const context: StageContext = {
      ...contextFor(stage, 'app', systemClock), port, admin: port.admin(), views, partitions: new Map([['numbers', 1], ['out', 1], [stage.deadLetters, 1]]),
      crash: (point) => {
        if (point !== 'after-start') return;
        attached.push(views.stores.size);
        closing.abort(closed);
      },
    };
    expect(await open(context, closing.signal)).to.equal(closed);
    expect({ attached, left: views.stores.size }).to.deep.equal({ attached: [1], left: 0 });
    await port.close();
  });
});

describe('a task of an outside sink', () => {
  const stage = plan(topology('app', numbers.pipe(to('partner', http({ url: 'http://127.0.0.1:1/', body: (n) => n, idempotencyKey: (n) => n }))))).stages.find(({ sink }) => sink !== null)!;
  const down = new RetryError('down');
  const at = (offset: number) => (places: readonly TopicPartition[]): Promise<readonly Position[]> => Promise.resolve(places.map((place) => ({ ...place, offset })));

  /** Opens it on a sink and brokers of ours, and counts the writers that are open then. */
  const opened = async (
    { admin = {}, driver = {}, positions = () => Promise.resolve([null]), breaker }: {
      readonly admin?: Partial<KafkaAdmin>; readonly driver?: Partial<SinkDriver>; readonly positions?: () => Promise<readonly null[]>; readonly breaker?: Breaker;
    },
  ): Promise<{ readonly outcome: unknown; readonly writers: number; readonly producerClosed: boolean }> => {
    const clock = new ManualClock();
    const producer = new FakeProducer();
    let writers = 0;
    const sink: SinkDriver = {
      open: () => Promise.resolve(),
      writer: () => {
        writers += 1;
        return Promise.resolve({ positions, write: () => Promise.resolve(ALL_WRITTEN), close: async () => void (writers -= 1) });
      },
      health: () => Promise.resolve(), close: () => Promise.resolve(), ...driver,
    };
    const context: StageContext = {
      ...contextFor(stage, 'app', clock), partitions: new Map([['numbers', 1], [stage.deadLetters, 1]]),
      port: { producer: () => producer } as unknown as KafkaPort,
      admin: { committed: () => Promise.resolve([]), startOffsets: at(0), endOffsets: at(5), ...admin } as unknown as KafkaAdmin,
      outside: { driver: sink, breaker: breaker ?? new Breaker({ clock, failures: 3, openMs: 1_000, openMaxMs: 1_000 }) },
    };
    const outcome = await open(context);
    return { outcome, writers, producerClosed: producer.closed };
  };

  it('has its writer when it is open', async () => {
    expect(await opened({})).to.deep.equal({ outcome: 'opened', writers: 1, producerClosed: false });
  });

  it('lets its writer go when the sink does not say where it stands', async () => {
    expect(await opened({ positions: () => Promise.reject(down) })).to.deep.equal({ outcome: down, writers: 0, producerClosed: true });
  });

  it('lets its writer go when the brokers do not say where the log ends', async () => {
    let asked = 0;
    const endOffsets: KafkaAdmin['endOffsets'] = (places) => ((asked += 1) < 2 ? at(5)(places) : Promise.reject(down));
    expect(await opened({ admin: { endOffsets } })).to.deep.equal({ outcome: down, writers: 0, producerClosed: true });
  });

  for (const [keeps, state] of [[true, 'closed'], [false, 'open']] as const) {
    it(`${keeps ? 'closes the breaker of a sink that was asked for its positions' : 'leaves the breaker alone where the sink keeps no positions and is not asked'}`, async () => {
      const clock = new ManualClock();
      const breaker = new Breaker({ clock, failures: 1, openMs: 1_000, openMaxMs: 1_000 });
      breaker.failed(breaker.enter()!, down);
      await clock.advance(1_000);
      const { outcome } = await opened({ breaker, driver: keeps ? { keepsPositions: true } : {} });
      expect({ outcome, state: breaker.state }).to.deep.equal({ outcome: 'opened', state });
    });
  }
});
