/** A second topology, over other tables, keys and steps than the example's, written from README.md alone: on the real stack, compared with SQL. */
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { after, before, describe, it } from 'mocha';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { run, type RunHandle } from 'millrace';
import { applyConnectors, connectorStatus, parseConnector } from '../../lib/connect/index.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { Decoder, type Decoded } from '../../examples/engagement/compare/decode.ts';
import { openKafka, readTopic } from '../../examples/engagement/compare/topics.ts';
import { millrace } from '../cli/support.ts';
import { shop } from './second-topology/topology.ts';
import { stack } from './support/stack.ts';

const FOLDER = join(import.meta.dirname, 'second-topology');
/** Connect and Redis remember names, so each run has one of its own. */
const NAME = `shop${process.pid}`;
const CONNECT_URL = stack.endpoints.connectUrl!;
const ARRIVAL_TIMEOUT_MS = 20_000;
/** Beyond 2^53: a float would make two orders one. */
const FIRST_ORDER = 9_007_199_254_740_993n;
const ORDERS = 300;
const SINGLE_ORDERS = 6;
const SINGLE_PAUSE_MS = 100;
const TABLES = ['customers', 'orders', 'prices', 'order_items'];

const readOwn = async (file: string): Promise<string> => (await readFile(join(FOLDER, file), 'utf8')).replaceAll('%NAME%', NAME);

/** What SQL says of order items: asked before and after the tables that they are joined with change. */
const LINES = `
  SELECT i.order_id, i.line, o.customer_id, c.country, i.currency, i.quantity, (p.price * 100 * i.quantity)::bigint AS cents
  FROM ${NAME}_order_items i JOIN ${NAME}_orders o ON o.id = i.order_id JOIN ${NAME}_customers c ON c.id = o.customer_id
  LEFT JOIN ${NAME}_prices p ON p.product_id = i.product_id AND p.currency = i.currency
  WHERE i.quantity > 0`;

/** Read by the connector's first snapshot. */
const FIRST_ROWS = [
  `INSERT INTO ${NAME}_customers SELECT 100 + n, 'customer ' || n, (ARRAY['DE', 'FR', 'PL'])[1 + n % 3] FROM generate_series(1, 20) n`,
  `INSERT INTO ${NAME}_prices SELECT n, currency, round((n * 1.37)::numeric, 2) FROM generate_series(1, 12) n, (VALUES ('EUR'), ('PLN')) AS c (currency) WHERE (n, currency) <> (7, 'PLN')`,
];
/** While the worker is at work; customer 199 does not exist: an inner join leaves its orders out. */
const orders = (from: number, to: number): string =>
  `INSERT INTO ${NAME}_orders SELECT ${FIRST_ORDER} + n, CASE WHEN n % 50 = 0 THEN 199 ELSE 101 + n % 20 END, 'new' FROM generate_series(${from}, ${to}) n`;
/** Lines of every order; each 40th has a quantity of 0, which breaks the rule. */
const items = (lines: string): string =>
  `INSERT INTO ${NAME}_order_items SELECT ${FIRST_ORDER} + n, line, 1 + (n + line) % 12, (ARRAY['EUR', 'PLN'])[1 + n % 2], (n + line) % 40 FROM generate_series(0, ${ORDERS - 1}) n, generate_series(${lines}) line`;
/** No item's line may see the tables as they were before. */
const CHANGES = [
  `UPDATE ${NAME}_prices SET price = price + 0.05 WHERE product_id % 2 = 0`,
  `UPDATE ${NAME}_customers SET country = 'CZ' WHERE id BETWEEN 105 AND 107`,
  `DELETE FROM ${NAME}_customers WHERE id = 110`,
  `DELETE FROM ${NAME}_prices WHERE product_id = 5 AND currency = 'EUR'`,
];

type Row = Readonly<Record<string, unknown>>;

const textOf = (row: Row): string => JSON.stringify(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value === null ? null : String(value)])));
const sorted = (rows: readonly Row[]): string[] => rows.map(textOf).sort();

describe('a second topology, over other tables', function () {
  this.timeout(40_000);
  const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
  const redis = new Redis(stack.endpoints.redisUrl!);
  const kafka = openKafka(stack.endpoints.brokers.join(','));
  const decoder = new Decoder(stack.endpoints.registryUrl!);
  let handle: RunHandle | undefined;

  const rows = async (sql: string): Promise<Row[]> => (await client.query<Row>(sql)).rows;
  const written = async (): Promise<Row[]> => {
    const lines: Row[] = [];
    for await (const { value } of readTopic(kafka, `${NAME}.lines`)) lines.push((await decoder.decode(value)) as Decoded);
    return lines;
  };
  const unpriced = async (): Promise<Row[]> => {
    const lines: Row[] = [];
    for await (const { value } of readTopic(kafka, `${NAME}.unpriced`)) lines.push(JSON.parse(value!.toString()) as Row);
    return lines;
  };
  /** Waits until both sides are the same; what is wrong then is shown by the assertion that follows. A topic that has just been made may have no leader yet. */
  const untilSame = async (expected: () => Promise<unknown>, actual: () => Promise<unknown>): Promise<void> => {
    const wanted = JSON.stringify(await expected());
    const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
    while (performance.now() < deadline && JSON.stringify(await actual().catch(() => null)) !== wanted) await delay(100);
  };
  const expectedLines = async (): Promise<string[]> => sorted(await rows('SELECT * FROM expected WHERE cents IS NOT NULL'));

  before(async () => {
    await client.connect();
    await client.query(await readOwn('setup.sql'));
    for (const sql of FIRST_ROWS) await client.query(sql);
    await kafka.admin().createTopics(TABLES.map((table) => ({ topic: `${NAME}.public.${NAME}_${table}`, partitions: 3, replicationFactor: 1, config: {} })));
    await applyConnectors([parseConnector(await readOwn('connector.json'), 'connector.json')], { connectUrl: CONNECT_URL });
    const [found] = await connectorStatus([NAME], { connectUrl: CONNECT_URL, waitMs: 20_000 });
    expect(found).to.include({ running: true });
    handle = run(shop(NAME), { environment: stack.environment, log: silentLogger });
    handle.done.catch(() => undefined);
    await untilSame(async () => true, async () => handle!.figures().stages.every(({ tasks }) => tasks > 0));
    // One at a time, so that the partitions of the empty table fill one after the other.
    for (let n = 0; n < SINGLE_ORDERS; n += 1) {
      await client.query(orders(n, n));
      await delay(SINGLE_PAUSE_MS);
    }
    await client.query(orders(SINGLE_ORDERS, ORDERS - 1));
    await client.query(items('1, 2'));
    await client.query(`CREATE TEMPORARY TABLE expected AS ${LINES}`);
    await untilSame(expectedLines, async () => sorted(await written()));
    for (const sql of CHANGES) await client.query(sql);
    await client.query(items('3, 5'));
    await client.query(`INSERT INTO expected ${LINES} AND i.line > 2`);
    await client.query(`UPDATE ${NAME}_orders SET status = 'cancelled' WHERE id % 7 = 0`);
    await untilSame(expectedLines, async () => sorted(await written()));
  });

  after(async () => {
    await handle?.stop();
    await fetch(`${CONNECT_URL}/connectors/${NAME}`, { method: 'DELETE' });
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const left = await client.query(`SELECT active FROM pg_replication_slots WHERE slot_name = '${NAME}'`);
      if (left.rowCount === 0 || (await client.query(`SELECT pg_drop_replication_slot('${NAME}')`).then(() => true, () => false))) break;
      await delay(100);
    }
    await client.query(`DROP PUBLICATION IF EXISTS ${NAME}`);
    await client.query(`DROP TABLE ${TABLES.map((table) => `${NAME}_${table}`).join(', ')}`);
    await client.end();
    const admin = new Kafka({ brokers: [...stack.endpoints.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(NAME)) });
    await admin.disconnect();
    await redis.del(await redis.keys(`*${NAME}*`));
    await redis.quit();
    await kafka.close();
  });

  it('has its types from its schema files', async () => {
    expect(await millrace(['schemas', 'types', join(FOLDER, 'schemas'), '--check'])).to.deep.include({ code: 0, stdout: '' });
  });

  it('writes every line to Kafka once, joined by int64 and composite keys as the tables stood', async () => {
    const expected = await expectedLines();
    expect(expected).to.have.lengthOf.above(1_000);
    expect(sorted(await written())).to.deep.equal(expected);
  });

  it('sends the lines without a price the other way', async () => {
    const expected = sorted(await rows('SELECT order_id, line, currency FROM expected WHERE cents IS NULL'));
    expect(expected).to.have.lengthOf.above(10);
    await untilSame(async () => expected, async () => sorted(await unpriced()));
    expect(sorted(await unpriced())).to.deep.equal(expected);
  });

  it('keeps totals per text key in Redis', async () => {
    const expected = sorted(await rows(`
      SELECT country || '-' || currency AS market, count(*) AS lines, sum(quantity) AS units, sum(cents) AS cents FROM expected WHERE cents IS NOT NULL GROUP BY 1`));
    expect(expected).to.have.lengthOf.above(5);
    const actual = async (): Promise<string[]> => sorted(await Promise.all((await redis.keys(`${NAME}:revenue:*`)).map((key) => redis.hgetall(key))));
    await untilSame(async () => expected, actual);
    expect(await actual()).to.deep.equal(expected);
  });

  it('ranks the same totals by a sink of its own', async () => {
    const expected = (await rows(`SELECT country || '-' || currency AS market, sum(cents) AS cents FROM expected WHERE cents IS NOT NULL GROUP BY 1 ORDER BY 2 DESC`))
      .flatMap(({ market, cents }) => [String(market), String(cents)]);
    const actual = (): Promise<string[]> => redis.zrevrange(`${NAME}:markets`, 0, -1, 'WITHSCORES');
    await untilSame(async () => expected, actual);
    expect(await actual()).to.deep.equal(expected);
  });

  it('reads a topic both as a table and as a stream of changes', async () => {
    const expected = Object.fromEntries((await rows(`
      SELECT c.country, count(*) AS orders FROM ${NAME}_orders o JOIN ${NAME}_customers c ON c.id = o.customer_id WHERE o.status = 'cancelled' GROUP BY 1`))
      .map(({ country, orders }) => [String(country), String(orders)]));
    expect(Object.keys(expected)).to.have.lengthOf.above(2);
    const actual = (): Promise<Record<string, string>> => redis.hgetall(`${NAME}:cancelled`);
    const inOrder = async (counts: () => Promise<Record<string, string>>): Promise<unknown> => Object.entries(await counts()).sort();
    await untilSame(() => inOrder(async () => expected), () => inOrder(actual));
    expect(await actual()).to.deep.equal(expected);
  });

  it('keeps the rows that break its rule as dead letters with the rule', async () => {
    const [{ broken }] = (await rows(`SELECT count(*)::int AS broken FROM ${NAME}_order_items WHERE quantity <= 0`)) as [{ broken: number }];
    expect(broken).to.be.above(10);
    const reasons: (string | undefined)[] = [];
    for await (const { headers } of readTopic(kafka, `${NAME}-${NAME}.public.${NAME}_order_items-dlq`)) {
      reasons.push(headers.find(([name]) => name === '__millrace.errors.rule')?.[1]?.toString());
    }
    expect(reasons).to.deep.equal(Array.from({ length: broken }, () => 'quantityAboveZero'));
  });

  it('never goes on without its tables', () => {
    expect(handle!.figures().stages.map(({ stage, catchupTimeouts }) => ({ stage, catchupTimeouts }))).to.deep.equal(handle!.plan.stages.map(({ name }) => ({ stage: name, catchupTimeouts: 0 })));
  });

  it('stops within its time, with nothing lost', async () => {
    await handle!.stop();
    await handle!.done;
    expect(sorted(await written())).to.deep.equal(await expectedLines());
  });
});
