/** A reset of applications of which only the name is left, beside others whose names are alike. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { http, json, keyBy, scan, stream, through, to, topology, type Topology } from 'millrace/topology';
import { ConfigurationError, StopError } from '../../lib/core/errors.ts';
import { memoryPort } from '../../lib/kafka/memory/index.ts';
import { plan } from '../../lib/plan/plan.ts';
import { applyReset, planReset, planResetByName, type Reset, type ResetExtra } from '../../lib/runtime/reset.ts';
import { Cluster, Outside, until } from './cluster.ts';

const totals = (app: string): Topology => topology(app, stream('events', json<number>()).pipe(
  keyBy('by-parity', (n) => n % 2),
  through(`${app}.sorted`, json<number>()),
  scan('sums', (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 }),
  to('partner', http({ url: 'http://partner', body: (n: number) => n, idempotencyKey: (n: number) => n })),
));

describe('a reset by name', () => {
  let cluster: Cluster;
  let stateDir: string;

  beforeEach(async () => {
    cluster = new Cluster();
    cluster.topic('events', 2);
    stateDir = await mkdtemp(join(tmpdir(), 'millrace-reset-'));
  });
  afterEach(async () => {
    await cluster.close();
    await rm(stateDir, { recursive: true });
  });

  const admin = () => memoryPort({ broker: cluster.broker }).admin();
  const planned = (app: string, extras: readonly ResetExtra[] = []): Promise<Reset> => planResetByName(app, { admin: admin(), stateDir, extras });
  const count = async (app: string, sums: readonly number[]): Promise<void> => {
    const outside = new Outside();
    const handle = cluster.start(totals(app), { drivers: () => outside.driver });
    await until(() => outside.written.length === sums.length, () => `${app}: ${outside.written.length} of ${sums.length}`);
    await handle.stop();
    expect(outside.written.map(({ value }) => value)).to.have.members(sums);
    await mkdir(join(stateDir, app), { recursive: true });
  };
  const left = (app: string): string[] => [...cluster.broker.listTopics(), ...cluster.broker.listGroups()].filter((name) => new RegExp(`^${app}[-.]`).test(name)).toSorted();

  it('deletes what one with its topology would, and nothing of applications with similar names', async () => {
    cluster.send('events', [1, 2, 3]);
    for (const app of ['shop', 'shop-eu', 'shop.eu', 'shopping']) await count(app, [1, 4, 2]);
    const others = left('shop-eu').concat(left('shop.eu'), left('shopping'));
    const byFile = await planReset(plan(totals('shop')), { admin: admin(), stateDir, extras: ['dead-letters'] });
    const found = await planned('shop', ['dead-letters']);
    expect({ ...found, groups: found.groups.toSorted((a, b) => (a.group < b.group ? -1 : 1)), notes: [] })
      .to.deep.equal({ ...byFile, groups: byFile.groups.toSorted((a, b) => (a.group < b.group ? -1 : 1)), notes: [] });
    expect(found.topics).to.have.length.above(3);
    await applyReset(found, admin());
    expect(left('shop').filter((name) => !others.includes(name))).to.deep.equal(['shop.sorted']);
    expect(left('shop-eu').concat(left('shop.eu'), left('shopping'))).to.deep.equal(others);
    expect(['shop', 'shop-eu', 'shop.eu'].map((app) => existsSync(join(stateDir, app)))).to.deep.equal([false, true, true]);
    cluster.broker.deleteTopics(['shop.sorted']);
    cluster.send('events', [5]);
    await count('shop', [1, 4, 9, 2]);
    await count('shop-eu', [9]);
  });

  it('names what it leaves, and why', async () => {
    cluster.send('events', [1]);
    await count('shop', [1]);
    await count('shop-eu', [1]);
    const shop = await planned('shop');
    expect(shop.notes[0]).to.equal('kept, since they may be of an application whose name begins with shop: shop-eu-sums-changelog');
    const eu = await planned('shop-eu');
    expect(eu.topics).to.not.include('shop-eu-sums-changelog');
    expect(eu.notes[0]).to.equal('kept, since they may be of another application, which the name shop-eu begins with: shop-eu-sums-changelog (--with doubtful deletes them)');
    expect((await planned('shop-eu', ['doubtful'])).topics).to.deep.equal(['shop-eu-partner-input', 'shop-eu-sums-changelog']);
    cluster.broker.deleteGroups(['shop-eu.events', 'shop-eu.partner', 'shop-eu.shop-eu.sorted']);
    expect((await planned('shop-eu', ['doubtful'])).topics).to.deep.equal(['shop-eu-partner-input', 'shop-eu-sums-changelog']);
    expect((await planned('shop-eu', ['doubtful', 'dead-letters'])).topics).to.include.members(['shop-eu-sums-changelog', 'shop-eu-events-dlq']);
    expect(eu.notes.at(-1)).to.include('millrace:fence:shop-eu:*');
  });

  it('leaves backfills that have not ended, unless it is to take them too', async () => {
    cluster.send('events', [1]);
    await count('shop', [1]);
    for (const topic of ['shop-backfill-may-range', 'shop-backfill-may-shop.sorted', 'shop-backfill-may-by-parity-repartition', 'shop-backfill-may-events-dlq']) cluster.topic(topic);
    cluster.broker.group('shop-backfill-may.events').commitOffsets([{ topic: 'events', partition: 0, offset: 1 }]);
    await mkdir(join(stateDir, 'shop-backfill-may'));
    const backfill = left('shop-backfill-may');
    const without = await planned('shop');
    expect(without.notes).to.include('kept: shop-backfill-may, a backfill that has not ended (--with backfills deletes what is in Kafka of it)');
    await applyReset(without, admin());
    expect(left('shop-backfill-may')).to.deep.equal(backfill);
    for (const found of [await planned('shop', ['backfills']), await planReset(plan(totals('shop')), { admin: admin(), stateDir, extras: ['backfills'] })]) {
      expect(found.folders).to.deep.equal([join(stateDir, 'shop-backfill-may')]);
      expect([...found.topics, ...found.groups.map(({ group }) => group), 'shop-backfill-may-events-dlq'].toSorted()).to.deep.equal(backfill);
    }
    expect(await planned('shop-backfill-may').catch((error: unknown) => error)).to.be.instanceOf(ConfigurationError);
  });

  it('is refused while a worker runs, and when it is to delete outputs', async () => {
    const handle = cluster.start(totals('shop'), { drivers: () => new Outside().driver });
    await until(() => handle.figures().stages.every(({ tasks }) => tasks > 0));
    const before = cluster.broker.listTopics();
    expect(await applyReset(await planned('shop'), admin()).catch((error: unknown) => error)).to.be.instanceOf(StopError);
    expect(await planned('shop', ['outputs']).catch((error: unknown) => error)).to.be.instanceOf(ConfigurationError);
    expect(cluster.broker.listTopics()).to.deep.equal(before);
  });

  it('finds nothing of an application that never was', async () => {
    cluster.send('events', [1]);
    await count('shop', [1]);
    expect(await planned('sho')).to.deep.include({ topics: [], groups: [], folders: [] });
  });
});
