/** `millrace connectors scaffold`: what it writes works, and what it says the database needs is what it needs. */
import { expect } from 'chai';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { Decoder, type Decoded } from '../../examples/engagement/compare/decode.ts';
import { RetryError } from '../../lib/core/errors.ts';
import { openKafka, readTopic } from '../../examples/engagement/compare/topics.ts';
import { down, up } from '../../lib/stack/index.ts';
import { readSecrets } from '../../lib/stack/secrets.ts';
import { millrace, type Outcome } from '../cli/support.ts';
import { removeConnector, topicExists } from './support/connectors.ts';
import { stack } from './support/stack.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SCHEMA = `scaffold_test_${process.pid}`;
const PASSWORD = stack.environment.MILLRACE_PG_PASSWORD!;
const PORT_OFFSET = 14_000;
const ARRIVAL_ATTEMPTS = 100;
const ARRIVAL_PAUSE_MS = 100;

interface Need {
  readonly level: string;
  readonly key: string;
  readonly text: string;
  readonly sql?: string;
}

interface Document {
  readonly connector: { readonly config: Readonly<Record<string, string>> };
  readonly needs: readonly Need[];
}

const scaffold = (...args: readonly string[]): Promise<Outcome> => millrace(['connectors', 'scaffold', ...args]);

describe('millrace connectors scaffold, for the tables of the engagement example', function () {
  this.timeout(60_000);
  const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
  const kafka = openKafka(stack.endpoints.brokers.join(','));
  const decoder = new Decoder(stack.endpoints.registryUrl!);
  const tables = ['content', 'engagement_events'].map((table) => `${SCHEMA}.${table}`);
  const CONTENT = '8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10';
  let folder: string;
  let file: string;

  const rowsOf = async (table: string): Promise<readonly Decoded[]> => {
    try {
      return await read(table);
    } catch (error) {
      // A topic that was just made may not be led yet.
      if (error instanceof RetryError) return [];
      throw error;
    }
  };
  const read = async (table: string): Promise<readonly Decoded[]> => {
    const rows: Decoded[] = [];
    for await (const { value } of readTopic(kafka, `${SCHEMA}.${SCHEMA}.${table}`)) rows.push(((await decoder.decode(value)) as Decoded)['after'] as Decoded);
    return rows;
  };

  before(async () => {
    await client.connect();
    const setup = await readFile(join(ROOT, 'examples', 'engagement', 'setup.sql'), 'utf8');
    await client.query(`CREATE SCHEMA ${SCHEMA}; SET search_path TO ${SCHEMA}`);
    // Without its publication: the connector makes one.
    await client.query(setup.slice(0, setup.indexOf('-- Made here and not by the connector')));
    await client.query(`INSERT INTO content VALUES ('${CONTENT}', 'a', 'A title', 'podcast', 600, '2026-01-02 03:04:05.123456+00')`);
    folder = await mkdtemp(join(tmpdir(), 'millrace-scaffold-'));
    file = join(folder, 'scaffold.json');
  });

  after(async () => {
    await removeConnector(client, SCHEMA);
    await client.query(`DROP SCHEMA ${SCHEMA} CASCADE`);
    await client.end();
    await kafka.close();
    await rm(folder, { recursive: true });
  });

  it('writes a file that is valid, works, and has no password in it', async () => {
    const args = [stack.endpoints.postgresUrl!, '--tables', tables.join(','), '--streams', tables[1]!, '--signals', `${SCHEMA}.debezium_signal`, '--name', SCHEMA, '--out', file];
    const { code, stdout, stderr } = await scaffold(...args);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `wrote ${file}\n` });
    expect(stderr).to.contain('The database has what the connector needs.').and.to.contain(`ALTER TABLE ${tables[1]} REPLICA IDENTITY FULL;`).and.not.to.contain(`ALTER TABLE ${tables[0]} REPLICA`);
    const text = await readFile(file, 'utf8');
    expect((text + stdout + stderr).includes(PASSWORD), 'the password is shown').to.equal(false);
    expect(text).to.contain('"database.password": "${env:MILLRACE_PG_PASSWORD}"');
    expect(await scaffold(...args)).to.deep.include({ code: 2, stdout: '', stderr: `millrace: ${file} is there already\n` });

    const valid = await millrace(['connectors', 'validate', file, '--dir', stack.dir], { MILLRACE_CONNECT_URL: '' });
    expect(valid).to.deep.include({ code: 0, stdout: `${SCHEMA} valid\n` });
    expect(await millrace(['connectors', 'apply', file, '--dir', stack.dir], { MILLRACE_CONNECT_URL: '' })).to.deep.equal({ code: 0, stdout: `${SCHEMA} created\n`, stderr: '' });
    const { code: runs, stdout: shown } = await millrace(['connectors', 'status', file, '--wait', '30', '--dir', stack.dir], { MILLRACE_CONNECT_URL: '' });
    expect(runs, shown).to.equal(0);
    await topicExists(`${SCHEMA}.${SCHEMA}.content`);
    await client.query(`INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, raw_payload) VALUES ('${CONTENT}', '${CONTENT}', 'play', '2026-02-03 04:05:06+00', '{"a": 1}')`);
    await topicExists(`${SCHEMA}.${SCHEMA}.engagement_events`);
    for (let attempt = 0; attempt < ARRIVAL_ATTEMPTS && (await rowsOf('engagement_events')).length === 0; attempt += 1) await delay(ARRIVAL_PAUSE_MS);
    expect(await rowsOf('content')).to.have.length(1);
    expect((await rowsOf('content'))[0]).to.deep.include({ id: CONTENT, title: 'A title', publish_ts: '2026-01-02T03:04:05.123456Z' });
    expect((await rowsOf('engagement_events'))[0]).to.deep.include({ content_id: CONTENT, event_type: 'play', raw_payload: '{"a": 1}' });
  });

  it('takes signals: the table for them is in the publication that the connector made', async () => {
    const { code, stderr } = await millrace(['snapshot', tables[0]!, '--connector', SCHEMA], { ...stack.environment });
    expect(code, stderr).to.equal(0);
    for (let attempt = 0; attempt < ARRIVAL_ATTEMPTS && (await rowsOf('content')).length < 2; attempt += 1) await delay(ARRIVAL_PAUSE_MS);
    expect(await rowsOf('content')).to.have.length(2);
  });

  it('gives the table a compacted topic and the stream one that is not', async () => {
    const admin = new kafkajs.Kafka({ brokers: [...stack.endpoints.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    const resources = ['content', 'engagement_events'].map((table) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name: `${SCHEMA}.${SCHEMA}.${table}`, configNames: ['cleanup.policy'] }));
    const described = await admin.describeConfigs({ resources, includeSynonyms: false });
    await admin.disconnect();
    const policies = described.resources.map(({ configEntries }) => configEntries[0]?.configValue);
    expect(policies).to.deep.equal(['compact', 'delete']);
  });

  it('has a slot that moves on while only other tables change', async () => {
    const position = async (): Promise<string> => (await client.query<{ lsn: string }>('SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots WHERE slot_name = $1', [SCHEMA])).rows[0]!.lsn;
    // Sooner than it would by itself: this test does not wait that long.
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"heartbeat.interval.ms": "10000"', '"heartbeat.interval.ms": "500"'));
    expect((await millrace(['connectors', 'apply', file, '--dir', stack.dir], { MILLRACE_CONNECT_URL: '' })).stdout).to.equal(`${SCHEMA} changed\n`);
    await client.query('CREATE TABLE unrelated (id int)');
    await client.query('INSERT INTO unrelated SELECT generate_series(1, 100)');
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
    const passed = async (): Promise<boolean> => (await client.query<{ passed: boolean }>('SELECT $1::pg_lsn >= $2::pg_lsn AS passed', [await position(), rows[0]!.lsn])).rows[0]!.passed;
    for (let attempt = 0; attempt < ARRIVAL_ATTEMPTS && !(await passed()); attempt += 1) await delay(ARRIVAL_PAUSE_MS);
    expect(await passed()).to.equal(true);
  });
});

describe('millrace connectors scaffold, with a user without rights', function () {
  this.timeout(60_000);
  let dir: string;
  let admin: pg.Client;
  let url: string;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'millrace-scaffold-'));
    const own = await up({ dir, services: ['postgres'], portOffset: PORT_OFFSET });
    const { port, pathname } = new URL(own.endpoints.postgresUrl!);
    admin = new pg.Client({ host: '127.0.0.1', port: Number(port), user: 'postgres', password: (await readSecrets(dir)).postgresAdmin, database: pathname.slice(1) });
    await admin.connect();
    await admin.query(`
      CREATE ROLE reader LOGIN PASSWORD 'hunter22/?';
      CREATE SCHEMA shop;
      CREATE TABLE shop."Order items" (id int, note numeric, primary key (id));
      CREATE TABLE shop.log (line text, at date)`);
    url = `postgres://reader:${encodeURIComponent('hunter22/?')}@127.0.0.1:${port}${pathname}`;
  });

  after(async () => {
    await admin.end();
    await down({ dir });
    await rm(dir, { recursive: true, force: true });
  });

  const ask = async (): Promise<{ readonly code: number | null; readonly stderr: string; readonly document: Document }> => {
    const { code, stdout, stderr } = await scaffold(url, '--tables', 'shop.Order items,shop.log', '--name', 'shop', '--json');
    return { code, stderr, document: JSON.parse(stdout) as Document };
  };

  it('validate a connector of such a user as wrong, and say which right is missing', async () => {
    const { document } = await ask();
    const { port, pathname } = new URL(url);
    const address = { 'database.hostname': '127.0.0.1', 'database.port': port, 'database.user': 'reader', 'database.password': 'hunter22/?', 'database.dbname': pathname.slice(1) };
    const file = join(dir, 'shop.json');
    await writeFile(file, JSON.stringify({ name: `${SCHEMA}_reader`, config: { ...document.connector.config, ...address } }));
    const { code, stdout, stderr } = await millrace(['connectors', 'validate', file, '--dir', stack.dir], { MILLRACE_CONNECT_URL: '' });
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.contain(`${file}: database.user: its user has no replication privilege: ALTER ROLE reader REPLICATION;\n`).and.not.to.contain('hunter22');
  });

  it('says what is missing with the statements that mend it, which do', async () => {
    const before = await ask();
    expect({ code: before.code, stderr: before.stderr }).to.deep.equal({ code: 3, stderr: '' });
    expect(before.document.connector.config).to.include({ 'publication.autocreate.mode': 'disabled', 'decimal.handling.mode': 'string', 'slot.name': 'shop' });
    const required = before.document.needs.filter(({ level }) => level === 'required');
    expect(required.map(({ key, sql }) => [key, sql])).to.deep.equal([
      ['database.user', 'ALTER ROLE reader REPLICATION;'],
      ['publication.name', 'CREATE PUBLICATION shop FOR TABLE shop."Order items", shop.log;'],
      ['table.include.list', 'GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON shop."Order items" TO reader;'],
      ['table.include.list', 'GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON shop.log TO reader;'],
      ['table.include.list', 'ALTER TABLE shop.log REPLICA IDENTITY FULL;'],
    ]);
    for (const { sql } of required) await admin.query(sql!);
    const since = await ask();
    expect(since.code).to.equal(0);
    expect(since.document.needs.map(({ level }) => level)).not.to.include('required');
    expect(since.document.needs.map(({ text }) => text).join('\n')).to.contain('shop.log has no key').and.to.contain('in a date of shop.log');
  });

  it('sees every table of which PostgreSQL refuses updates once it is published, and what mends it does', async () => {
    await admin.query(`
      CREATE SCHEMA odd;
      CREATE TABLE odd.nothing (id int PRIMARY KEY, n int);
      ALTER TABLE odd.nothing REPLICA IDENTITY NOTHING;
      CREATE TABLE odd.later (id int PRIMARY KEY DEFERRABLE, n int);
      CREATE TABLE odd.lost (id int NOT NULL, n int);
      CREATE UNIQUE INDEX lost_index ON odd.lost (id);
      ALTER TABLE odd.lost REPLICA IDENTITY USING INDEX lost_index;
      DROP INDEX odd.lost_index;
      CREATE TABLE odd.parts (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
      CREATE TABLE odd."Old part" PARTITION OF odd.parts FOR VALUES FROM (0) TO (10);
      CREATE TABLE odd."new part" PARTITION OF odd.parts FOR VALUES FROM (10) TO (20);
      ALTER TABLE odd."Old part" REPLICA IDENTITY NOTHING;
      CREATE TABLE odd.fine (id int PRIMARY KEY, n int);
      CREATE PUBLICATION odd FOR TABLE odd.nothing, odd.later, odd.lost, odd.parts, odd.fine;
      GRANT USAGE ON SCHEMA odd TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA odd TO reader`);
    const names = ['nothing', 'later', 'lost', 'parts', 'fine'];
    for (const name of names) await admin.query(`INSERT INTO odd.${name} VALUES (1, 1)`);
    const updates = async (): Promise<string[]> => {
      const done: string[] = [];
      for (const name of names) await admin.query(`UPDATE odd.${name} SET n = n + 1`).then(() => done.push(name), () => undefined);
      return done;
    };
    expect(await updates()).to.deep.equal(['fine']);
    const { stdout } = await scaffold(url, '--tables', names.map((name) => `odd.${name}`).join(','), '--name', 'odd', '--json');
    const needs = (JSON.parse(stdout) as Document).needs.filter(({ level, sql }) => level === 'required' && sql?.includes('IDENTITY'));
    expect(needs.map(({ sql }) => sql)).to.deep.equal([
      'ALTER TABLE odd.nothing REPLICA IDENTITY DEFAULT;', 'ALTER TABLE odd.later REPLICA IDENTITY FULL;', 'ALTER TABLE odd.lost REPLICA IDENTITY FULL;', 'ALTER TABLE odd."Old part" REPLICA IDENTITY DEFAULT;',
    ]);
    for (const { sql } of needs) await admin.query(sql!);
    expect(await updates()).to.deep.equal(names);
  });

  it('sees what is lost of columns', async () => {
    await admin.query(`
      CREATE DOMAIN odd.short AS varchar(10);
      CREATE TABLE odd.lossy (id int PRIMARY KEY, state text DEFAULT 'new', settings jsonb NOT NULL DEFAULT '{}', board int[][], exact numeric, price numeric(10, 2), code odd.short, span interval, names xml[],
        total int GENERATED ALWAYS AS (id + 1) STORED, at timestamp(3), address inet, days daterange);
      GRANT SELECT ON odd.lossy TO reader`);
    const { stdout } = await scaffold(url, '--tables', 'odd.lossy', '--name', 'lossy', '--json');
    const told = (JSON.parse(stdout) as Document).needs.filter(({ level, key }) => level === 'advised' && key === 'table.include.list').map(({ text }) => text);
    const columns = told.map((text) => text.match(/(?:\(|: )([\w, ]+)\)?(?::[^:]*)?$/)?.[1]);
    expect(columns).to.deep.equal(['state, settings, board', 'exact', 'board', 'names', 'state', 'total']);
  });

  it('looks at all tables when a connector names none, and at those that a publication of all has', async () => {
    const { port, pathname } = new URL(url);
    const file = join(dir, 'all.json');
    const config = {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector', 'plugin.name': 'pgoutput', 'topic.prefix': 'all', 'schema.include.list': 'odd', 'slot.name': 'every', 'publication.name': 'every',
      'topic.creation.default.partitions': '1', 'topic.creation.default.replication.factor': '1', 'snapshot.mode': 'initial',
      'database.hostname': '127.0.0.1', 'database.port': port, 'database.user': 'reader', 'database.password': 'hunter22/?', 'database.dbname': pathname.slice(1),
    };
    await writeFile(file, JSON.stringify({ name: `${SCHEMA}_all`, config }));
    await admin.query('CREATE TABLE shop.unseen (id int)');
    const { code, stderr } = await millrace(['connectors', 'validate', file, '--dir', stack.dir, '--skip', 'registry'], { MILLRACE_CONNECT_URL: '' });
    expect(code).to.equal(2);
    expect(stderr).to.contain('publication.name: there is no publication every, and only a superuser may make one of all tables').and.to.match(/CREATE PUBLICATION every FOR TABLE .*odd\.fine.*odd\.nothing/);
    expect(stderr).to.match(/publication\.autocreate\.mode: all_tables publishes every table .*: shop\.unseen\. Set filtered/);
  });

  it('says that a slot of that name is there', async () => {
    await admin.query("SELECT pg_create_logical_replication_slot('shop', 'pgoutput')");
    const { code, document } = await ask();
    expect(code).to.equal(3);
    expect(document.needs.find(({ level }) => level === 'required')).to.include({ key: 'slot.name' });
  });

  const wrong: readonly (readonly [what: string, args: () => readonly string[], code: number, message: RegExp])[] = [
    ['a wrong password', () => [url.replace('hunter22', 'hunter33'), '--tables', 'shop.log'], 2, /^millrace: PostgreSQL at 127\.0\.0\.1:\d+ refuses: password authentication failed for user "reader"\n$/],
    ['a database that is not there', () => [url.replace(/\/\w+$/, '/nowhere'), '--tables', 'shop.log'], 2, /refuses: database "nowhere" does not exist\n$/],
    ['a table that does not exist', () => [url, '--tables', 'shop.lgo'], 2, /^millrace: there is no table shop\.lgo; did you mean shop\.log\?\n$/],
    ['a stream that is not among the tables', () => [url, '--tables', 'shop.log', '--streams', 'shop.Order items'], 2, /^millrace: shop\.Order items is streamed, but is not among the tables\n$/],
    ['no database at all', () => [`postgres://reader:hunter22@127.0.0.1:1/x`, '--tables', 'shop.log'], 1, /^millrace: PostgreSQL at 127\.0\.0\.1:1: connect ECONNREFUSED/],
    ['an address that is none', () => ['mysql://x:hunter22@h/db', '--tables', 'shop.log'], 2, /^millrace: the database is given as postgres:\/\//],
  ];
  for (const [what, args, code, message] of wrong) {
    it(`answers ${what} with exit code ${code}, and no password`, async () => {
      const outcome = await scaffold(...args());
      expect(outcome).to.deep.include({ code, stdout: '' });
      expect(outcome.stderr).to.match(message).and.not.to.match(/hunter/);
    });
  }
});
