/** The outbox example through the command line, on the stack that the test runner brought up, with a Cassandra beside it. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Client as Cassandra } from 'cassandra-driver';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Check } from '../../lib/cli/start/demo.ts';
import { optionalServiceNames, status, up, type ServiceName } from '../../lib/stack/index.ts';
import { compare } from '../../examples/outbox/compare.ts';
import { openCassandra, openRedis, outboxDatabase, type Environment } from '../../examples/outbox/connect.ts';
import { names } from '../../examples/outbox/names.ts';
import { stack } from './support/stack.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const EVENTS = 400;

const start = async (...args: string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> => {
  const child = spawn(process.execPath, [join(ROOT, 'lib', 'cli', 'main.ts'), 'start', '--example', 'outbox', '--dir', stack.dir, '--workers', '1', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => { stdout += String(text); });
  child.stderr.on('data', (text: Buffer) => { stderr += String(text); });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
};

const running = async (): Promise<readonly string[]> => (await status({ dir: stack.dir })).filter((service) => service.running).map(({ name }) => name);

/** `sink: check` of what differs. */
const differing = (checks: readonly Check[]): string[] => checks.filter(({ expected, actual }) => expected !== actual).map(({ sink, check }) => `${sink}: ${check}`);

describe('the outbox example', () => {
  let environment: Environment;
  let firstEvent: number;
  let ranBefore: readonly string[];

  before(async function () {
    this.timeout(120_000);
    ranBefore = await running();
    // Cassandra outlives the command, so that its rows can be tampered with; `after` stops it.
    const upNow = await up({ dir: stack.dir, services: ['cassandra'] as ServiceName[] });
    environment = { ...stack.environment, ...upNow.environment };
  });

  after(async function () {
    this.timeout(60_000);
    const upNow = await up({ dir: stack.dir, services: [] });
    for (const name of optionalServiceNames) if (!ranBefore.includes(name)) await upNow.stop(name);
  });

  it('brings every event of the outbox to Redis and Cassandra, which SQL confirms', async () => {
    const { code, stdout, stderr } = await start('--events', String(EVENTS));
    expect(code, `${stdout}${stderr}`).to.equal(0);
    expect(stdout).to.match(/Redis hashes +rows +(\d+) +\1 +equal/).and.to.match(/Cassandra +rows +(\d+) +\1 +equal/).and.to.match(/outbox table +rows left behind +0 +0 +equal/);
    expect(stdout).to.match(/All 8 checks agree/);
    const client = outboxDatabase(environment);
    await client.connect();
    const { rows: [last] } = await client.query<{ readonly id: string }>('SELECT max(id) AS id FROM engagement_events');
    await client.end();
    firstEvent = Number(last!.id) - EVENTS + 1;
  }).timeout(120_000);

  describe('when something is not as it should be', () => {
    let redis: Redis;
    let cassandra: Cassandra;
    let postgres: pg.Client;
    let key: string;
    let hash: Record<string, string>;
    let place: unknown[] | undefined;

    const WHERE = `${names.cassandraTable} WHERE content_id = ? AND event_day = ? AND event_id = ?`;
    const compared = async (): Promise<string[]> => differing((await compare({ environment, firstEvent, without: [] })).checks);
    const cql = (query: string, params: readonly unknown[] = place!) => cassandra.execute(query, [...params], { prepare: true });

    before(async () => {
      redis = openRedis(environment);
      cassandra = openCassandra(environment);
      postgres = outboxDatabase(environment);
      await postgres.connect();
      const { rows: [event] } = await postgres.query<{ readonly id: string; readonly content: string; readonly day: string }>(
        "SELECT id, content_id AS content, to_char(event_ts AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM engagement_events WHERE id >= $1 AND duration_ms > 0 ORDER BY id LIMIT 1", [firstEvent],
      );
      key = `${names.redisPrefix}${event!.id}`;
      hash = await redis.hgetall(key);
      place = [event!.content, event!.day, event!.id];
    });

    after(async () => {
      // A row cannot be given back the timestamp that it had: the event goes, everywhere.
      if (place !== undefined) await Promise.all([redis.del(key), cql(`DELETE FROM ${WHERE}`), postgres.query('DELETE FROM engagement_events WHERE id = $1', [place[2]])]);
      redis.disconnect();
      await Promise.all([cassandra.shutdown(), postgres.end()]);
    });

    it('agrees as long as nothing was touched, and hashes hold text of the documented names', async () => {
      expect(await compared()).to.deep.equal([]);
      expect(hash).to.include.all.keys('event_id', 'content_id', 'user_id', 'event_type', 'event_time_str', 'duration_ms_str', 'engagement_seconds_str', 'processed_at');
      expect(hash['event_time_str']).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    });

    const hashes: readonly (readonly [what: string, tamper: () => Promise<unknown>, finds: readonly string[]])[] = [
      ['a field is altered', () => redis.hset(key, 'duration_ms_str', '1'), ['Redis hashes: none missing, twice or different']],
      ['there is one field too many', () => redis.hset(key, 'surplus', ''), ['Redis hashes: none missing, twice or different']],
      ['a hash is gone', () => redis.del(key), ['Redis hashes: rows', 'Redis hashes: none missing, twice or different']],
      ['a hash does not expire', () => redis.persist(key), ['Redis hashes: time left within bounds']],
    ];
    for (const [what, tamper, finds] of hashes) {
      it(`differs when ${what}`, async () => {
        const [dump, ttlMs] = await Promise.all([redis.dumpBuffer(key), redis.pttl(key)]);
        await tamper();
        const found = await compared();
        await redis.restore(key, ttlMs, dump, 'REPLACE');
        expect(found).to.deep.equal(finds);
      });
    }

    it('differs when something stays in the outbox', async () => {
      await postgres.query("INSERT INTO outbox_events (id, aggregate_type, aggregate_id, event_type, payload) VALUES (gen_random_uuid(), 'test', 'x', 'x', '{}')");
      const found = await compared();
      await postgres.query('DELETE FROM outbox_events');
      expect(found).to.deep.equal(['outbox table: rows left behind']);
    });

    it('differs when a row is altered, written at another time, or gone', async () => {
      const { rows: [row] } = await cql(`SELECT JSON * FROM ${WHERE}`);
      await cql(`UPDATE ${names.cassandraTable} SET engagement_pct = 0.5 WHERE content_id = ? AND event_day = ? AND event_id = ?`);
      expect(await compared()).to.deep.equal(['Cassandra: none missing, twice or different']);
      await cql(`DELETE FROM ${WHERE}`);
      expect(await compared()).to.deep.equal(['Cassandra: rows', 'Cassandra: none missing, twice or different']);
      await cql(`INSERT INTO ${names.cassandraTable} JSON ?`, [row!.get('[json]')]);
      expect(await compared()).to.deep.equal(["Cassandra: written with the record's time"]);
    });
  }).timeout(60_000);
});
