import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { filter, map as mapTo } from 'rxjs';
import { http, json, kafka, map, scan, stream, to, topology } from 'millrace/topology';
import { RetryError, StopError } from '../../lib/core/errors.ts';
import type { WorkerEvent } from '../../lib/runtime/events.ts';
import type { StoreChange } from '../../lib/runtime/store-views.ts';
import { KeptLog } from '../integration/support/handles.ts';
import { Cluster, eventsOf, Outside, until } from './cluster.ts';

const numbers = stream('numbers', json<number>());
const small = map((n: number): number => {
  if (n < 0) throw new Error('below zero');
  return n;
});
const sums = scan('sums', (sum: number, n: number) => (n === 0 ? (null as unknown as number) : sum + n), { state: json<number>(), seed: 0 });
const summed = topology('app', numbers.pipe(small, sums, to('out', kafka('out', json<number>()))));

const typesOf = (events: readonly WorkerEvent[]): string[] => events.map(({ type }) => type);
const ofType = <T extends WorkerEvent['type']>(events: readonly WorkerEvent[], type: T) => events.filter((event): event is Extract<WorkerEvent, { type: T }> => event.type === type);

describe('the events of a worker', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.close());

  it('tell of a task from its assignment to its end', async () => {
    cluster.topic('numbers');
    cluster.send('numbers', [1, 2, 3]);
    const first = cluster.start(summed);
    await until(() => cluster.values('out').length === 3);
    await first.stop();

    const second = cluster.start(summed);
    const events = eventsOf(second);
    let completed = false;
    second.events$.subscribe({ complete: () => { completed = true; } });
    await until(() => typesOf(events).includes('opened'));
    expect(typesOf(events)).to.deep.equal(['assigned', 'restored', 'opened']);
    expect(events[0]).to.deep.include({ stage: 'numbers', partitions: [0] });
    expect(events[0]).to.have.property('generation').that.is.a('number');
    expect(events[1]).to.deep.include({ stage: 'numbers', store: 'sums', partition: 0, records: 1 });
    expect(events[2]).to.deep.equal({ type: 'opened', stage: 'numbers', partition: 0 });
    cluster.send('numbers', [4, 5]);
    await until(() => ofType(events, 'committed').reduce((sum, { records }) => sum + records, 0) === 2);
    expect(ofType(events, 'committed')[0]).to.deep.include({ stage: 'numbers', partition: 0 });
    expect(completed).to.equal(false);
    await second.stop();
    await second.done;
    expect(events.at(-1)).to.deep.equal({ type: 'stopped' });
    expect(completed).to.equal(true);
  });

  it('tell of dead letters, with the step and the record', async () => {
    cluster.topic('numbers');
    const events = eventsOf(cluster.start(summed));
    cluster.send('numbers', [1, -7, 2]);
    await until(() => cluster.values('out').length === 2);
    const [letter, ...more] = ofType(events, 'deadLetter');
    expect(more).to.deep.equal([]);
    expect(letter).to.deep.include({ stage: 'numbers', node: 'stream(numbers) > map', topic: 'numbers', partition: 0, offset: 1 });
    expect(letter!.error).to.be.instanceOf(Error).with.property('message', 'below zero');
  });

  it('tell of a task that failed and begins again', async () => {
    cluster.topic('numbers');
    let faults = 2;
    const busy = new RetryError('busy');
    const flaky = map((n: number) => {
      if (n === 2 && (faults -= 1) >= 0) throw busy;
      return n;
    });
    const events = eventsOf(cluster.start(topology('app', numbers.pipe(flaky, to('out', kafka('out', json<number>()))))));
    cluster.send('numbers', [1, 2, 3]);
    await until(() => cluster.values('out').length === 3);
    expect(cluster.values('out')).to.deep.equal([1, 2, 3]);
    expect(ofType(events, 'aborted')).to.deep.equal([1, 2].map(() => ({ type: 'aborted', stage: 'numbers', partition: 0, error: busy })));
    expect(ofType(events, 'opened')).to.have.length(3);
  });

  it('tell of a task that a newer owner has shut out', async () => {
    cluster.topic('numbers');
    const events = eventsOf(cluster.start(summed));
    await until(() => typesOf(events).includes('opened'));
    cluster.broker.transactions.init('app.numbers.0', 10_000);
    cluster.send('numbers', [1]);
    await until(() => ofType(events, 'fenced').length === 1);
    expect(ofType(events, 'fenced')[0]).to.deep.include({ stage: 'numbers', partition: 0 });
    expect(ofType(events, 'aborted')).to.deep.equal([]);
  });

  it('tell of what ends the worker', async () => {
    const handle = cluster.start(summed, { settings: { sourceTopicTimeoutMs: 1 } });
    const events = eventsOf(handle);
    const error = await handle.done.then(() => null, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(Error).with.property('message').that.matches(/numbers does not exist/);
    expect(events).to.deep.equal([{ type: 'error', error }, { type: 'stopped' }]);
  });

  it('tell of the breaker of a sink', async () => {
    cluster.topic('numbers');
    const outside = new Outside();
    outside.failure = new RetryError('refused');
    const app = topology('app', numbers.pipe(to('partner', http({ url: 'http://127.0.0.1:1/', body: (n) => n, idempotencyKey: (_, meta) => meta.offset }))));
    const handle = cluster.start(app, { drivers: () => outside.driver, settings: { breakerFailures: 3, breakerOpenMs: 10, breakerOpenMaxMs: 20 } });
    const events = eventsOf(handle);
    const states = (): string[] => ofType(events, 'sinkState').map(({ sink, state }) => `${sink} ${state}`);
    cluster.send('numbers', [1, 2, 3]);
    await until(() => states().length >= 4);
    expect(outside.written).to.deep.equal([]);
    expect(handle.figures().stages[0]!.breaker).to.be.oneOf(['open', 'half-open']);
    outside.failure = null;
    await until(() => states().at(-1) === 'partner closed');
    expect(states().slice(0, 3)).to.deep.equal(['partner open', 'partner half-open', 'partner open']);
    expect(handle.figures().stages[0]!.breaker).to.equal('closed');
    await until(() => cluster.committed('app.partner', 'numbers') === 3);
    expect(ofType(events, 'committed').reduce((sum, { records }) => sum + records, 0)).to.equal(3);
  });

  it('cannot be made to hurt the worker', async () => {
    cluster.topic('numbers');
    const log = new KeptLog();
    const handle = cluster.start(summed, { log });
    const refuse = (): never => {
      throw new Error('the application has a bug');
    };
    handle.events$.subscribe(refuse);
    handle.events$.pipe(filter(({ type }) => type === 'committed'), mapTo(refuse)).subscribe();
    handle.store('sums').changes$.subscribe(refuse);
    cluster.send('numbers', [1, 2, 3]);
    await until(() => cluster.values('out').length === 3);
    await handle.stop();
    await handle.done;
    expect(cluster.committed('app.numbers', 'numbers')).to.equal(3);
    expect(log.said('a subscriber of events$ or changes$ threw').map(({ error }) => (error as Error).message)).to.deep.equal(['the application has a bug']);
  });
});

describe('a store seen from the application', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.close());

  it('tells of changes after their commit, the last of a key, and of deletions', async () => {
    cluster.topic('numbers', 2);
    const handle = cluster.start(summed);
    const store = handle.store('sums');
    const changes: (StoreChange & { readonly seen: unknown; readonly committed: boolean })[] = [];
    store.changes$.subscribe((change) => {
      const committed = [0, 1].some((partition) => (cluster.committed('app.numbers', 'numbers', partition) ?? 0) > 0);
      changes.push({ ...change, seen: store.get(change.key), committed });
    });
    cluster.send('numbers', [1, 2, 3], 'a', 0);
    cluster.send('numbers', [10], 'b', 1);
    await until(() => changes.length === 2);
    expect(changes).to.deep.include({ key: 'a', value: 6, seen: 6, committed: true });
    expect(changes).to.deep.include({ key: 'b', value: 10, seen: 10, committed: true });
    cluster.send('numbers', [0], 'a', 0);
    await until(() => changes.length === 3);
    expect(changes[2]).to.deep.equal({ key: 'a', value: null, seen: undefined, committed: true });
    expect([store.get('a'), store.get('b'), store.get('nobody')]).to.deep.equal([undefined, 10, undefined]);
  });

  it('does not show what was not committed', async () => {
    cluster.topic('numbers');
    let faults = 3;
    const flaky = map((n: number) => {
      if (n === 5 && (faults -= 1) >= 0) throw new RetryError('busy');
      return n;
    });
    const handle = cluster.start(topology('app', numbers.pipe(sums, flaky, to('out', kafka('out', json<number>())))));
    const changes: StoreChange[] = [];
    handle.store('sums').changes$.subscribe((change) => changes.push(change));
    cluster.send('numbers', [2, 3]);
    await until(() => cluster.values('out').length === 2);
    await until(() => changes.length > 0);
    expect(faults).to.equal(-1);
    expect(changes).to.deep.equal([{ key: 'k', value: 5 }]);
    expect(handle.store('sums').get('k')).to.equal(5);
  });

  it('ends with the worker, and has nothing any more', async () => {
    cluster.topic('numbers');
    const handle = cluster.start(summed);
    let completed = false;
    handle.store('sums').changes$.subscribe({ complete: () => { completed = true; } });
    cluster.send('numbers', [1]);
    await until(() => handle.store('sums').get('k') === 1);
    await handle.stop();
    expect(completed).to.equal(true);
    expect(handle.store('sums').get('k')).to.equal(undefined);
  });

  it('is asked for by a name that it has', () => {
    cluster.topic('numbers');
    expect(() => cluster.start(summed).store('summs')).to.throw(StopError, "no store is called 'summs'. There are: sums");
  });
});
