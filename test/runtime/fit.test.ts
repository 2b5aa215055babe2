/** A new version of an application over what an earlier one has left in Kafka, and the way to begin anew. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, kafka, keyBy, scan, stream, through, to, topology, type Topology } from 'millrace/topology';
import { ConfigurationError, StopError } from '../../lib/core/errors.ts';
import { memoryPort } from '../../lib/kafka/memory/index.ts';
import { plan } from '../../lib/plan/plan.ts';
import { applyReset, planReset, type Reset, type ResetExtra } from '../../lib/runtime/reset.ts';
import { KeptLog } from '../integration/support/handles.ts';
import { Cluster, until } from './cluster.ts';

const counting = (store: string, app = 'app') => topology(app, stream('events', json<number>()).pipe(
  keyBy('by-parity', (n) => n % 2),
  scan(store, (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 }),
  through('sums', json<number>()),
  to('copy', kafka('copy', json<number>())),
));

describe('a start over what an earlier version has left', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
    cluster.topic('events', 2);
  });
  afterEach(() => cluster.close());

  const topic = (name: string, partitions: number, config: Record<string, string> = {}) =>
    cluster.broker.createTopics([{ topic: name, partitions, replicationFactor: 1, config }]);
  const count = async (of: Topology, events: readonly number[], outputs: number): Promise<void> => {
    cluster.send('events', events);
    const handle = cluster.start(of);
    await until(() => [0, 1].flatMap((p) => cluster.values('copy', p)).length === outputs, () => JSON.stringify(handle.figures().stages));
    await handle.stop();
  };
  const refused = async (of: Topology): Promise<ConfigurationError> => {
    const error = await cluster.start(of).done.then(() => null, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigurationError);
    return error as ConfigurationError;
  };

  it('is refused with every partition count that differs, and the way out', async () => {
    topic('app-by-parity-repartition', 3);
    topic('app-sums-changelog', 4, { 'cleanup.policy': 'compact' });
    const { problems, message } = await refused(counting('sums'));
    expect(problems).to.have.members([
      'topic app-sums-changelog has 4 partitions, the topology asks for 3, as many as app-by-parity-repartition',
      'topic app-by-parity-repartition has 3 partitions, the topology asks for 2, as many as events',
    ]);
    expect(message).to.include('npx millrace reset FILE');
    expect(cluster.broker.describeTopics(['copy', 'app-by-parity-dlq'])).to.deep.equal([]);
  });

  it('is refused when a changelog is not compacted, with the command that mends it', async () => {
    topic('app-sums-changelog', 2, { 'cleanup.policy': 'delete' });
    const { problems } = await refused(counting('sums'));
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include('topic app-sums-changelog has cleanup.policy delete, the topology asks for compact').and.to.include("--entity-name app-sums-changelog --add-config 'cleanup.policy=[compact]'");
  });

  it('is refused when a repartition topic is compacted: it would lose records', async () => {
    topic('app-by-parity-repartition', 2, { 'cleanup.policy': 'compact' });
    expect((await refused(counting('sums'))).problems[0]).to.include('topic app-by-parity-repartition has cleanup.policy compact, the topology asks for delete');
  });

  it('is refused when a store was renamed, naming the new one and what is left of the old one; the old name goes on', async () => {
    await count(counting('sums'), [1, 2, 3], 3);
    const { problems } = await refused(counting('totals'));
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include('group app.by-parity has committed offsets, but there is no changelog app-totals-changelog')
      .and.to.include("the store 'totals' would begin empty").and.to.include('was the store renamed? app-sums-changelog is left over')
      .and.to.include('--create --topic app-totals-changelog --partitions 2 --config cleanup.policy=compact');
    await count(counting('sums'), [5], 4);
    expect([0, 1].flatMap((p) => cluster.values('copy', p) as number[]).toSorted((a, b) => a - b)).to.deep.equal([1, 2, 4, 9]);
  });

  it('is refused when the changelog of a store is gone, and goes on from nothing where one is made on purpose', async () => {
    await count(counting('sums'), [1], 1);
    cluster.broker.deleteTopics(['app-sums-changelog']);
    expect((await refused(counting('sums'))).problems[0]).to.include('there is no changelog app-sums-changelog').and.not.to.include('renamed');
    topic('app-sums-changelog', 2, { 'cleanup.policy': 'compact' });
    await count(counting('sums'), [7], 2);
    expect([0, 1].flatMap((p) => cluster.values('copy', p) as number[]).toSorted((a, b) => a - b)).to.deep.equal([1, 7]);
  });

  it('begins where a changelog is left over of a step that is gone, says so, and leaves other applications alone', async () => {
    for (const name of ['app-old-changelog', 'app-eu-sums-changelog', 'appendix-changelog', 'app-changelog']) topic(name, 1, { 'cleanup.policy': 'compact' });
    cluster.broker.group('app-eu.events').commitOffsets([{ topic: 'events', partition: 0, offset: 0 }]);
    const log = new KeptLog();
    const handle = cluster.start(counting('sums'), { log });
    await until(() => handle.figures().state === 'running');
    expect(log.said('no step of the topology').map(({ message }) => message)).to.deep.equal([
      'no step of the topology has the changelog app-old-changelog any more; to delete it: kafka-topics.sh --bootstrap-server BROKERS --delete --topic app-old-changelog',
    ]);
  });

  describe('and a reset', () => {
    let stateDir: string;

    beforeEach(async () => {
      stateDir = await mkdtemp(join(tmpdir(), 'millrace-reset-'));
      await mkdir(join(stateDir, 'app', '0'), { recursive: true });
      await mkdir(join(stateDir, 'other'));
    });
    afterEach(() => rm(stateDir, { recursive: true }));

    const planned = (of: Topology, extras: readonly ResetExtra[] = []): Promise<Reset> => planReset(plan(of), { admin: memoryPort({ broker: cluster.broker }).admin(), stateDir, extras });
    const apply = (found: Reset): Promise<void> => applyReset(found, memoryPort({ broker: cluster.broker }).admin());

    it('shows what belongs to the application alone, and changes nothing', async () => {
      await count(counting('sums'), [1, 2], 2);
      topic('app-old-changelog', 1);
      const before = cluster.broker.listTopics();
      const found = await planned(counting('sums'));
      expect(found).to.deep.include({
        app: 'app',
        topics: ['app-by-parity-repartition', 'app-sums-changelog'],
        folders: [join(stateDir, 'app')],
      });
      expect(found.groups).to.have.deep.members([{ group: 'app.events', members: 0 }, { group: 'app.by-parity', members: 0 }, { group: 'app.sums', members: 0 }]);
      expect(found.notes).to.deep.equal([
        'kept: copy, sums; what is computed again is added to what is there (--with outputs deletes them)',
        'kept, though no step has them any more: app-old-changelog (--with orphans deletes them)',
      ]);
      expect(cluster.broker.listTopics()).to.deep.equal(before);
      expect((await planned(counting('sums'), ['outputs', 'dead-letters', 'orphans'])).topics).to.deep.equal([
        'app-by-parity-dlq', 'app-by-parity-repartition', 'app-events-dlq', 'app-old-changelog', 'app-sums-changelog', 'app-sums-dlq', 'copy', 'sums',
      ]);
    });

    it('deletes that, so that everything is computed again; the topics that are read stay', async () => {
      await count(counting('sums'), [1, 2, 3], 3);
      await apply(await planned(counting('totals'), ['outputs', 'orphans']));
      expect(existsSync(join(stateDir, 'app'))).to.equal(false);
      expect(existsSync(join(stateDir, 'other'))).to.equal(true);
      expect(cluster.broker.listTopics().filter((name) => !name.endsWith('-dlq'))).to.deep.equal(['events']);
      await count(counting('totals'), [10], 4);
      expect([0, 1].flatMap((p) => cluster.values('copy', p) as number[]).toSorted((a, b) => a - b)).to.deep.equal([1, 2, 4, 12]);
    });

    it('is refused while a worker runs, and changes nothing then', async () => {
      const handle = cluster.start(counting('sums'));
      await until(() => handle.figures().stages.every(({ tasks }) => tasks === 2));
      const found = await planned(counting('sums'));
      expect(found.groups.map(({ members }) => members)).to.deep.equal([1, 1, 1]);
      const before = cluster.broker.listTopics();
      const error = await apply(found).then(() => null, (thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(StopError).with.property('message').that.includes('app.by-parity (1)').and.includes('Stop them first');
      expect(cluster.broker.listTopics()).to.deep.equal(before);
      expect(existsSync(join(stateDir, 'app'))).to.equal(true);
    });
  });
});
