/** State, the offsets that stand for it, and records on their way, when a new version knows them by other names. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, kafka, keyBy, map, merge, redis, scan, stream, to, topology, type Topology } from 'millrace/topology';
import { withoutSinks } from '../../lib/cli/without.ts';
import { ConfigurationError, RejoinError, RetryError, StopError } from '../../lib/core/errors.ts';
import { memoryPort } from '../../lib/kafka/memory/index.ts';
import { plan } from '../../lib/plan/plan.ts';
import type { TopologyValue } from '../../lib/plan/types.ts';
import { applyReset, planReset } from '../../lib/runtime/reset.ts';
import type { RunHandle, RunOptions } from '../../lib/runtime/run.ts';
import { KeptLog } from '../integration/support/handles.ts';
import { Cluster, Outside, until } from './cluster.ts';

const sums = (store: string) => scan(store, (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 });
const copy = to('copy', kafka('copy', json<number>()));
const events = () => stream('events', json<number>());

const merging = (name: string, app = 'app') => topology(app, events().pipe(merge(name, stream('more', json<number>())), sums('sums'), copy));
const withStore = topology('app', events().pipe(sums('sums'), copy));
const withoutStore = topology('app', events().pipe(map((n: number) => n), copy));

const COMPACTED = { topic: 'app-sums-changelog', partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } };

describe('a start over state that an earlier version has left', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
    for (const name of ['events', 'more', 'renamed']) cluster.topic(name);
  });
  afterEach(() => cluster.close());

  const process = async (of: Topology, values: readonly number[], outputs: readonly number[]): Promise<void> => {
    cluster.send('events', values);
    const handle = cluster.start(of);
    await until(() => cluster.values('copy').length >= outputs.length, () => JSON.stringify(cluster.values('copy')));
    await handle.stop();
    expect(cluster.values('copy')).to.deep.equal(outputs);
  };
  const refused = async (of: Topology, options: Partial<RunOptions> = {}): Promise<ConfigurationError> => {
    const handle = cluster.start(of, options);
    const error = await Promise.race([handle.done, until(() => false, () => 'a refusal', 1_500)]).then(() => null, (thrown: unknown) => thrown);
    expect(error, JSON.stringify(cluster.values('copy'))).to.be.instanceOf(ConfigurationError);
    return error as ConfigurationError;
  };
  const deleteOffsets = (group: string): void => void cluster.broker.deleteGroups([group]);

  it('is refused when the group of the state was renamed: everything would be counted on top of it', async () => {
    await process(merging('m1'), [1, 2, 3], [1, 3, 6]);
    const { problems } = await refused(merging('m2'));
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include("the store 'sums' has state in app-sums-changelog").and.to.include('group app.m2 has committed no offsets').and.to.include('was the stage renamed');
    expect(cluster.values('copy')).to.deep.equal([1, 3, 6]);
    await process(merging('m1'), [4], [1, 3, 6, 10]);
  });

  it('is refused when the offsets of the group are gone, and goes on once they are set', async () => {
    await process(merging('m1'), [1, 2, 3], [1, 3, 6]);
    deleteOffsets('app.m1');
    const { problems, message } = await refused(merging('m1'));
    expect(problems[0]).to.include('offsets.retention.minutes').and.to.include('kafka-consumer-groups.sh --bootstrap-server BROKERS --group app.m1 --topic');
    expect(message).to.include('npx millrace reset FILE');
    cluster.broker.group('app.m1').commitOffsets([{ topic: 'events', partition: 0, offset: 3 }]);
    await process(merging('m1'), [4], [1, 3, 6, 10]);
  });

  it('is refused when the topic under the state was renamed', async () => {
    await process(withStore, [1, 2, 3], [1, 3, 6]);
    cluster.send('renamed', [1, 2, 3]);
    const { problems } = await refused(topology('app', stream('renamed', json<number>()).pipe(sums('sums'), copy)));
    expect(problems[0]).to.include('group app.renamed has committed no offsets');
  });

  it('is refused when a store comes back after a version without it, and begins empty where that is asked for', async () => {
    await process(withStore, [1], [1]);
    await process(withoutStore, [10], [1, 10]);
    const { problems } = await refused(withStore);
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include("the store 'sums' has state in app-sums-changelog").and.to.include('a version without it').and.to.include('--delete --topic app-sums-changelog').and.to.include('--create --topic app-sums-changelog --partitions 1 --config cleanup.policy=compact');
    cluster.broker.deleteTopics(['app-sums-changelog']);
    cluster.broker.createTopics([COMPACTED]);
    await process(withStore, [100], [1, 10, 100]);
    await process(withStore, [1_000], [1, 10, 100, 1_100]);
  });

  it('goes on with its state when the version without the store has read nothing', async () => {
    await process(withStore, [1], [1]);
    const handle = cluster.start(withoutStore);
    await until(() => handle.figures().stages.every(({ tasks }) => tasks === 1));
    await handle.stop();
    await process(withStore, [10], [1, 11]);
  });

  it('goes on with state whose offsets another tool or an older version has committed: they say nothing of stores', async () => {
    await process(withStore, [1], [1]);
    for (const metadata of ['', 'no JSON', '{}', 'null']) cluster.broker.group('app.events').commitOffsets([{ topic: 'events', partition: 0, offset: 1, metadata }]);
    await process(withStore, [10], [1, 11]);
  });

  it('goes on where the first transaction was written and never committed: it has no offsets, and no state', async () => {
    cluster.broker.createTopics([COMPACTED]);
    const producer = memoryPort({ broker: cluster.broker }).producer('app.events.0', { transactionTimeoutMs: 10_000 });
    await producer.init();
    const batch = producer.batch();
    batch.append('app-sums-changelog', 0, 'k', '1', 0);
    await producer.send(batch);
    await producer.abort();
    expect(cluster.broker.log({ topic: 'app-sums-changelog', partition: 0 }).end).to.be.greaterThan(0);
    await process(withStore, [5], [5]);
  });

  it('goes on at once where a killed worker has left its transaction open: its task ends that, not time', async () => {
    await process(withStore, [1], [1]);
    const killed = memoryPort({ broker: cluster.broker }).producer('app.events.0', { transactionTimeoutMs: 600_000 });
    await killed.init();
    await killed.sendOffsets('app.events', [{ topic: 'events', partition: 0, offset: 2 }]);
    await process(withStore, [10], [1, 11]);
  });

  it('says of every partition and every store what is wrong, and leaves sound ones alone', async () => {
    cluster.topic('wide', 3);
    const wide = (name: string) => topology('app', stream('wide', json<number>()).pipe(merge(name, stream('wide-too', json<number>())), sums('a'), sums('b'), copy));
    cluster.topic('wide-too', 3);
    for (const partition of [0, 2]) cluster.send('wide', [1], 'k', partition);
    const handle = cluster.start(wide('m1'));
    await until(() => [0, 1, 2].flatMap((partition) => cluster.values('copy', partition)).length === 2);
    await handle.stop();
    const { problems } = await refused(wide('m2'));
    expect(problems).to.have.length(2);
    const places = ' (partitions 0, 2), but';
    expect(problems.map((text) => text.slice(0, text.indexOf(places) + places.length)).toSorted()).to.deep.equal(['a', 'b'].map((name) => `the store '${name}' has state in app-${name}-changelog${places}`));
  });

  it('stops a task whose state another version has left behind while both ran', async () => {
    await process(withStore, [1], [1]);
    const handle = cluster.start(withStore, { settings: { failuresAtPosition: 2 }, crash: async (point) => {
      // The start is over: now another version reads a record.
      if (point === 'before-positions') cluster.broker.group('app.events').commitOffsets([{ topic: 'events', partition: 0, offset: 1, metadata: '{"stores":[]}' }]);
      return Promise.resolve();
    } });
    const error = await handle.done.then(() => null, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(StopError).with.property('message').that.includes("the store 'sums' has state, but a version without it has committed offsets of group app.events since").and.includes('millrace reset');
    expect(cluster.values('copy')).to.deep.equal([1]);
  });

  it('stops a task whose state has no offsets', async () => {
    cluster.send('events', [1]);
    const handle = cluster.start(withStore, { settings: { failuresAtPosition: 2 }, crash: async (point) => {
      // The start is over: it has seen nothing of this.
      if (point === 'before-restore') cluster.send('app-sums-changelog', [5]);
      return Promise.resolve();
    } });
    const error = await handle.done.then(() => null, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(StopError).with.property('message').that.includes("the store 'sums' has state, but group app.events has committed no offsets");
    expect(cluster.values('copy')).to.deep.equal([]);
  });

  it('holds at least once too, where a crash between the first state and its offsets is none of that', async () => {
    const settings = { guarantee: 'at-least-once' as const };
    cluster.send('events', [1]);
    let armed = true;
    const crashed = cluster.start(withStore, { settings, crash: async (point) => {
      if (armed && point === 'before-offsets') {
        armed = false;
        throw new RejoinError('as after a crash: state is written, its offsets are not');
      }
      return Promise.resolve();
    } });
    await until(() => cluster.values('copy').length >= 2 && cluster.committed('app.events', 'events') === 1, () => JSON.stringify(cluster.values('copy')));
    await crashed.stop();
    expect(armed).to.equal(false);
    deleteOffsets('app.events');
    const { problems } = await refused(withStore, { settings });
    expect(problems[0]).to.include('group app.events has committed no offsets');
  });
});

const keyed = (name: string) => topology('app', events().pipe(keyBy(name, (n) => n), sums(`by-${name}`), copy));
const sinking = (name: string) => topology('app',
  events().pipe(sums('sums'), to(name, redis.hash({ key: (n: number) => String(n), fields: (n: number) => ({ n }) }))),
  stream('other', json<number>()).pipe(to('copy-too', kafka('copy', json<number>()))),
);

describe('a start over records on their way in topics that no step reads any more', () => {
  let cluster: Cluster;
  let outside: Outside;
  const K1 = 'app-k1-repartition';

  beforeEach(() => {
    cluster = new Cluster();
    outside = new Outside();
    for (const name of ['events', 'other']) cluster.topic(name);
  });
  afterEach(() => cluster.close());

  const start = (of: TopologyValue, log?: KeptLog): RunHandle => cluster.start(of as Topology, { drivers: () => outside.driver, environment: { MILLRACE_REDIS_URL: 'redis://127.0.0.1:1' }, ...(log === undefined ? {} : { log }) });
  const process = async (of: Topology): Promise<void> => {
    const before = cluster.values('copy').length;
    cluster.send('events', [1]);
    const handle = start(of);
    await until(() => cluster.values('copy').length > before && cluster.committed('app.k1', K1) === cluster.broker.endOffsets([{ topic: K1, partition: 0 }], 'read_committed')[0]!.offset);
    await handle.stop();
  };
  const refused = async (of: Topology): Promise<readonly string[]> => {
    const error = await Promise.race([start(of).done, until(() => false, () => 'a refusal', 1_500)]).then(() => null, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  };
  const warnings = async (of: TopologyValue): Promise<readonly string[]> => {
    const log = new KeptLog();
    const handle = start(of, log);
    await until(() => handle.figures().state === 'running');
    await handle.stop();
    return log.said('no step of the topology').map(({ message }) => message);
  };

  it('is refused with the count, the group and the ways on when a keyBy was renamed, until they are processed', async () => {
    await process(keyed('k1'));
    cluster.send(K1, [2, 3], '2');
    const problems = await refused(keyed('k2'));
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include(`topic ${K1} holds up to 2 records that app.k1 has not processed`).and.to.include(`kafka-topics.sh --bootstrap-server BROKERS --delete --topic ${K1}`);
    await process(keyed('k1'));
    expect(await warnings(keyed('k2'))).to.deep.equal([
      'no step of the topology has the changelog app-by-k1-changelog any more; to delete it: kafka-topics.sh --bootstrap-server BROKERS --delete --topic app-by-k1-changelog',
      `no step of the topology reads ${K1} any more; to delete it: kafka-topics.sh --bootstrap-server BROKERS --delete --topic ${K1}`,
    ]);
  });

  it('begins anew after a reset that takes the topic and its group with it', async () => {
    await process(keyed('k1'));
    cluster.send(K1, [2], '2');
    const admin = memoryPort({ broker: cluster.broker }).admin();
    const options = { admin, stateDir: join(tmpdir(), 'millrace-no-such-folder') };
    expect((await planReset(plan(keyed('k2')), { ...options, extras: [] })).notes).to.include(`kept, though no step has them any more: app-by-k1-changelog, ${K1} (--with orphans deletes them)`);
    const reset = await planReset(plan(keyed('k2')), { ...options, extras: ['orphans'] });
    expect(reset.topics).to.deep.equal(['app-by-k1-changelog', K1]);
    expect(reset.groups.map(({ group }) => group)).to.have.members(['app.events', 'app.k1']);
    await applyReset(reset, admin);
    expect(await warnings(keyed('k2'))).to.deep.equal([]);
  });

  it('takes markers and what was aborted for no records', async () => {
    await process(keyed('k1'));
    const producer = memoryPort({ broker: cluster.broker }).producer('app.events.0', { transactionTimeoutMs: 10_000 });
    await producer.init();
    const batch = producer.batch();
    batch.append(K1, 0, '2', '2', 0);
    await producer.send(batch);
    await producer.abort();
    expect((await warnings(keyed('k2'))).some((text) => text.startsWith(`no step of the topology reads ${K1} any more`))).to.equal(true);
  });

  it('is refused when a sink with a topic of its own was renamed, and not while it is left out', async () => {
    outside.failure = new RetryError('down');
    cluster.send('events', [1]);
    const handle = start(sinking('partner'));
    await until(() => cluster.values('app-partner-input').length === 1);
    await handle.stop();
    cluster.broker.group('app.partner').commitOffsets([{ topic: 'app-partner-input', partition: 0, offset: 0 }]);
    expect((await refused(sinking('agency')))[0]).to.include('topic app-partner-input holds up to').and.to.include('that app.partner has not processed').and.to.include('sink renamed');
    expect(await warnings(withoutSinks(sinking('partner'), ['partner']))).to.deep.equal([]);
  });

  it('only warns of what may be of another application, with the count', async () => {
    cluster.topic('app-eu-k-repartition');
    cluster.topic('app-uk-k-repartition');
    cluster.send('app-eu-k-repartition', [1, 2]);
    cluster.send('app-uk-k-repartition', [1, 2]);
    cluster.broker.group('app-eu.events').commitOffsets([{ topic: 'events', partition: 0, offset: 0 }]);
    expect(await warnings(keyed('k1'))).to.deep.equal([
      'no step of the topology reads app-uk-k-repartition, which holds up to 2 records; if they are of this application, nothing will process them; to delete it: kafka-topics.sh --bootstrap-server BROKERS --delete --topic app-uk-k-repartition',
    ]);
  });
});
