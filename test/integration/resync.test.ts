/** Tables that changed behind Debezium's back: `millrace resync` finds and removes what is left of their rows, `millrace snapshot` brings what is missing. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { debezium, schema, table, type Change } from 'millrace/topology';
import { findGhosts, removeGhosts, type ResyncFound } from '../../lib/connect/index.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { RateLimitedLog, silentLogger } from '../../lib/core/logger.ts';
import { kafkaPort } from '../../lib/kafka/kafkajs/index.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { serdesOf } from '../../lib/runtime/serdes.ts';
import { TableReader } from '../../lib/runtime/table.ts';
import { createSerde } from '../../lib/serde/index.ts';
import { readSlots, serve } from '../../lib/server/index.ts';
import { TopicReader } from '../../benchmarks/data/topic.ts';
import { millrace, type Outcome } from '../cli/support.ts';
import { FakeWorker } from '../server/support.ts';
import { refusals } from './resync/refusals.ts';
import { Captured } from './support/captured.ts';
import { eventually } from './support/lab.ts';
import { stack } from './support/stack.ts';

interface Item {
  readonly id: bigint;
  readonly name: string;
}

const PARTITIONS = 4;
const ITEMS = 300;
const LINES = 60;
const CONNECT_URL = stack.endpoints.connectUrl!;

describe('a captured table that changed behind the connector\'s back', function () {
  this.timeout(120_000);
  const config = readConfig(stack.environment);
  const port = kafkaPort({ brokers: config.kafkaBrokers, clientId: 'resync-test', clock: systemClock, log: silentLogger, requestTimeoutMs: 10_000 });
  const serde = createSerde({ registryUrl: config.registryUrl, clock: systemClock, log: silentLogger });
  const stopping = new AbortController();
  let captured: Captured;
  let items: TableReader;

  const cli = (command: string, ...args: readonly string[]): Promise<Outcome> => millrace([command, '--retry', '5', ...args], { ...stack.environment });
  const sql = (text: string): Promise<unknown> => captured.client.query(text);
  const itemOf = (id: bigint): string | undefined => (items.get(id) as Item | undefined)?.name;
  const rowsOf = (name: string): ReturnType<typeof debezium<Item>> =>
    debezium(schema<Item>({ type: 'record', name: 'Value', namespace: captured.topic(name), fields: [{ name: 'id', type: 'long' }, { name: 'name', type: 'string' }] }));
  const lastPartOf = (text: string): string => text.trim().split('\n').at(-1)!;

  /** The changes of a topic from a reader's place on, as op, kind of snapshot and id. */
  const changes = async (topic: TopicReader): Promise<string[]> => {
    const decoder = serde.valueDecoder(rowsOf('item'));
    const found: string[] = [];
    for await (const batch of topic.read()) {
      await decoder.prepare(batch);
      for (let i = 0; i < batch.count; i += 1) {
        if (batch.value(i) === null) continue;
        const { op, source, after: row } = decoder.decode(batch.value(i)) as Change<Item>;
        found.push(`${op} ${source.snapshot} ${row?.id}`);
      }
    }
    return found.sort();
  };

  const connect = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await fetch(`${CONNECT_URL}/connectors/${captured.name}${path}`, { method, headers: { 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  };

  /** Everything that happens in `gap` is lost: the slot is dropped, and a new one begins after it. */
  const loseSlot = async (gap: () => Promise<void>): Promise<void> => {
    await connect('PUT', '/stop');
    await eventually(async () => (await readSlots(stack.endpoints.postgresUrl!)).some(({ slot, active }) => slot === captured.name && !active), () => 'the connector has left its slot');
    await gap();
    await captured.dropSlot();
    await eventually(() => connect('DELETE', '/offsets').then(() => true, () => false), () => 'the offsets are forgotten');
    await captured.apply({ ...signals(), 'snapshot.mode': 'no_data' });
    await connect('PUT', '/resume');
    await eventually(async () => (await readSlots(stack.endpoints.postgresUrl!)).some(({ slot, active }) => slot === captured.name && active), () => 'the connector has a new slot');
  };

  const signals = (): Readonly<Record<string, string>> => ({
    'signal.data.collection': `public.${captured.table('signal')}`,
    'table.include.list': ['item', 'line', 'clock', 'loose'].map((name) => `public.${captured.table(name)}`).join(','),
  });

  before(async () => {
    captured = await Captured.create('resync', {
      item: 'id bigint PRIMARY KEY, name text NOT NULL',
      line: 'order_id integer, note text, sku text, PRIMARY KEY (sku, order_id)',
      clock: 'at timestamptz PRIMARY KEY',
      loose: 'note text',
      signal: 'id text PRIMARY KEY, type text NOT NULL, data text',
    });
    await sql(`INSERT INTO ${captured.table('item')} SELECT n, 'item ' || n FROM generate_series(1, ${ITEMS}) n`);
    await sql(`INSERT INTO ${captured.table('line')} SELECT n, 'x', 'it''s ' || n % 7 FROM generate_series(1, ${LINES}) n`);
    await captured.capture(signals());
    const node = table(captured.topic('item'), rowsOf('item'), { key: 'id' }).node;
    await eventually(async () => (await port.admin().describeTopics([captured.topic('item'), captured.topic('line')])).length === 2, () => 'topics');
    items = new TableReader({ node, partitions: PARTITIONS, port, serdes: serdesOf(serde), config, clock: systemClock, log: silentLogger, limited: new RateLimitedLog(silentLogger, systemClock), signal: stopping.signal });
    await items.load();
    await eventually(() => items.size === ITEMS, () => `${items.size} items`);
  });

  after(async () => {
    stopping.abort(new Error('done'));
    await items?.close();
    await port.close();
    await captured?.close();
  });

  it('has no ghosts while nothing was lost, and its slot is in use', async () => {
    const { code, stdout, stderr } = await cli('resync', captured.table('item'));
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
    expect(stderr).to.equal(`0 keys of ${captured.topic('item')} have no row in public.${captured.table('item')}\n`);
    const { code: shown, stdout: status } = await millrace(['status', '--dir', stack.dir, '--json']);
    // Another server of the stack may be slow to answer.
    expect(shown).to.be.oneOf([0, 3]);
    const { slots } = JSON.parse(status) as { readonly slots: readonly { readonly slot: string; readonly active: boolean; readonly retainedBytes: number; readonly walStatus: string }[] };
    const own = slots.find(({ slot }) => slot === captured.name)!;
    expect(own).to.include({ active: true, walStatus: 'reserved' });
    expect(own.retainedBytes).to.be.at.least(0).and.below(1_073_741_824);
    expect((await millrace(['status', '--dir', stack.dir])).stdout).to.match(new RegExp(`^${captured.name} +yes +.*reserved`, 'm'));
  });

  it('keeps deleted rows after its slot was lost, until resync removes exactly those; a snapshot brings those that are missing', async () => {
    await loseSlot(async () => {
      await sql(`DELETE FROM ${captured.table('item')} WHERE id BETWEEN 10 AND 19`);
      await sql(`INSERT INTO ${captured.table('item')} VALUES (1001, 'lost'), (1002, 'lost too')`);
      await sql(`UPDATE ${captured.table('item')} SET name = 'changed' WHERE id = 5`);
    });
    await sql(`UPDATE ${captured.table('item')} SET name = 'seen' WHERE id = 7`);
    await eventually(() => itemOf(7n) === 'seen', () => 'a change comes through the new slot');
    expect([itemOf(10n), itemOf(19n), itemOf(1001n), itemOf(5n), items.size]).to.deep.equal(['item 10', 'item 19', undefined, 'item 5', ITEMS]);

    const ghosts = ['10', '11', '12', '13', '14', '15', '16', '17', '18', '19'];
    const found = await cli('resync', captured.table('item'), '--dry-run');
    expect(found.code).to.equal(3);
    expect(found.stdout.trim().split('\n').sort()).to.deep.equal(ghosts);
    expect(lastPartOf(found.stderr)).to.equal(`10 keys of ${captured.topic('item')} have no row in public.${captured.table('item')}: --apply removes them`);
    expect(items.size).to.equal(ITEMS);

    const removed = await cli('resync', `public.${captured.table('item')}`, '--apply', '--json');
    expect(removed.code, removed.stderr).to.equal(0);
    const answer = JSON.parse(removed.stdout) as ResyncFound & { readonly keys: readonly { readonly key: readonly string[] }[] };
    expect(answer).to.include({ connector: captured.name, ghosts: 10, removed: 10, readAgain: 0, unreadable: 0, passes: 1 });
    expect(answer.keys.flatMap(({ key }) => key).sort()).to.deep.equal(ghosts);
    await eventually(() => items.size === ITEMS - 10, () => `${items.size} items`);
    expect([itemOf(9n), itemOf(10n), itemOf(19n), itemOf(20n)]).to.deep.equal(['item 9', undefined, undefined, 'item 20']);
    expect((await cli('resync', captured.table('item'))).code).to.equal(0);

    const topic = await TopicReader.open(port, captured.topic('item'), 'end');
    const asked = await cli('snapshot', captured.table('item'), '--where', "id > 1000 OR name = 'changed' -- and no others");
    expect(asked.code, asked.stderr).to.equal(0);
    expect(asked.stdout).to.match(new RegExp(`^connector ${captured.name} reads rows of public\\.${captured.table('item')} into ${captured.topic('item')} again: about \\d+ rows \\(signal [0-9a-f-]{36}\\)\n$`));
    await eventually(() => items.size === ITEMS - 8, () => `${items.size} items`);
    await eventually(() => itemOf(5n) === 'changed', () => 'the changed row');
    expect([itemOf(1001n), itemOf(1002n)]).to.deep.equal(['lost', 'lost too']);
    expect(await changes(topic)).to.deep.equal(['r incremental 1001', 'r incremental 1002', 'r incremental 5']);
  });

  it('reads the whole table again without a condition, while changes go on', async () => {
    const topic = await TopicReader.open(port, captured.topic('item'), 'end');
    expect((await cli('snapshot', captured.table('item'), '--json')).code).to.equal(0);
    await sql(`INSERT INTO ${captured.table('item')} VALUES (2001, 'during')`);
    const { rows } = await captured.client.query<{ readonly id: string }>(`SELECT id FROM ${captured.table('item')}`);
    const found = new Set<string>();
    await eventually(async () => {
      for (const change of await changes(topic)) found.add(change.split(' ')[2]!);
      return rows.every(({ id }) => found.has(id));
    }, () => `${found.size} of ${rows.length} rows`);
    await eventually(() => itemOf(2001n) === 'during', () => 'the row that was inserted meanwhile');
    expect(items.size).to.equal(rows.length);
  });

  it('keeps rows after a TRUNCATE, which Debezium skips; keys of several columns, and more of them than may be held at once', async () => {
    await sql(`TRUNCATE ${captured.table('line')}`);
    await sql(`INSERT INTO ${captured.table('line')} SELECT n, 'again', 'it''s ' || n % 7 FROM generate_series(41, ${LINES}) n`);
    const wanted = Array.from({ length: 40 }, (_, i) => JSON.stringify([`it's ${(i + 1) % 7}`, String(i + 1)])).sort();
    const keys: string[] = [];
    const found = await findGhosts({
      connectUrl: CONNECT_URL, postgresUrl: stack.endpoints.postgresUrl!, table: captured.table('line'), port, serde, clock: systemClock, batchKeys: 5, mostKeys: 10,
      onGhost: ({ key }) => keys.push(JSON.stringify(key)),
    });
    expect(keys.sort()).to.deep.equal(wanted);
    expect(found).to.include({ ghosts: 40 });
    expect(found.passes).to.be.above(4);
    const removed = await cli('resync', captured.table('line'), '--apply');
    expect(removed.code, removed.stderr).to.equal(0);
    expect(removed.stdout.trim().split('\n').sort()).to.deep.equal(wanted);
    expect((await cli('resync', captured.table('line'))).code).to.equal(0);
  });

  it('has a row that comes back while its tombstone is written read again', async () => {
    const item = captured.table('item');
    await sql(`BEGIN; CREATE TEMP TABLE kept AS TABLE ${item}; TRUNCATE ${item}; INSERT INTO ${item} SELECT * FROM kept WHERE id <> 20; DROP TABLE kept; COMMIT`);
    expect(itemOf(20n)).to.equal('item 20');
    const slow: KafkaPort = {
      ...port,
      producer: (...of) => {
        const own = port.producer(...of);
        const send = own.send.bind(own);
        own.send = async (batch) => {
          await sql(`INSERT INTO ${item} VALUES (20, 'back')`);
          await eventually(() => itemOf(20n) === 'back', () => 'the row is in Kafka before its tombstone');
          return send(batch);
        };
        return own;
      },
    };
    const keys: string[] = [];
    const result = await removeGhosts({ connectUrl: CONNECT_URL, postgresUrl: stack.endpoints.postgresUrl!, table: item, port: slow, serde, clock: systemClock, onGhost: ({ key }) => keys.push(...key) });
    expect(keys).to.deep.equal(['20']);
    expect(result).to.include({ removed: 1, readAgain: 1 });
    await eventually(() => itemOf(20n) === 'back', () => 'the row is read again');
    await delay(300);
    expect(itemOf(20n)).to.equal('back');
  });

  refusals({ captured: () => captured, cli, connect, signals });

  describe('whose connector is gone', () => {
    it('has a slot that is not active and holds WAL back', async () => {
      await captured.release();
      await eventually(async () => (await readSlots(stack.endpoints.postgresUrl!)).some(({ slot, active }) => slot === captured.name && !active), () => 'the slot is free');
      const before = (await readSlots(stack.endpoints.postgresUrl!)).find(({ slot }) => slot === captured.name)!;
      await sql(`INSERT INTO ${captured.table('item')} SELECT n, repeat(md5(n::text), 30) FROM generate_series(10000, 10999) n`);
      await delay(10);
      const after = (await readSlots(stack.endpoints.postgresUrl!)).find(({ slot }) => slot === captured.name)!;
      expect(after.lagBytes! - before.lagBytes!).to.be.above(900_000);
      expect(after.retainedBytes! - before.retainedBytes!).to.be.above(900_000);
    });

    it('has it in the metrics of a worker that is told of the database', async () => {
      const server = await serve(new FakeWorker(), { environment: { MILLRACE_SLOTS_URL: stack.endpoints.postgresUrl! } });
      try {
        let lines: readonly string[] = [];
        // A scrape does not wait for the database.
        await eventually(async () => (lines = (await (await fetch(`${server.url}/metrics`)).text()).split('\n')).includes('millrace_slots_readable 1'), () => 'the database has answered');
        expect(lines).to.include.members([ `millrace_slot_active{slot="${captured.name}"} 0`, `millrace_slot_lost{slot="${captured.name}"} 0`]);
        const kept = lines.find((line) => line.startsWith(`millrace_slot_retained_bytes{slot="${captured.name}"} `))!;
        expect(Number(kept.split(' ')[1])).to.be.above(900_000);
      } finally {
        await server.close();
      }
    });
  });
});
