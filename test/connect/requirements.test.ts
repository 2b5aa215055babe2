import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Column, DatabaseFacts, PublicationFacts, ServerFacts, SlotFacts, TableFacts } from '../../lib/connect/database.ts';
import { captureOf, needsOf, type Need } from '../../lib/connect/requirements.ts';
import { chooseConfig } from '../../lib/connect/scaffold-config.ts';

const SERVER: ServerFacts = {
  ...{ version: 150_004, database: 'app', user: 'cdc', walLevel: 'logical', maxSlots: 10, slots: 1, maxSenders: 10, senders: 1 },
  ...{ maxSlotKeepMb: 1024, replication: true, superuser: false, createsPublications: true },
};

const column = (name: string, type: string, more: Partial<Column> = {}): Column => ({ name, type, kind: 'b', notNull: true, generated: false, defaultSql: null, dimensions: 0, storage: 'p', modifier: -1, ...more });

const TABLE: TableFacts = {
  ...{ schema: 'public', name: 'content', kind: 'r', replicaIdentity: 'd', primaryKey: ['id'], uniqueIndex: true, selectable: true, insertable: true, owned: true },
  ...{ deferrable: false, unidentified: [] },
  columns: [column('id', 'uuid', { notNull: true })],
};

const SIGNALS: TableFacts = { ...TABLE, name: 'debezium_signal', columns: [column('id', 'text'), column('type', 'text'), column('data', 'text')] };

/** A connector that lacks nothing. */
const CONFIG = { 'slot.name': 'shop', 'plugin.name': 'pgoutput', 'publication.name': 'shop', 'publication.autocreate.mode': 'filtered', 'signal.data.collection': 'public.debezium_signal', 'decimal.handling.mode': 'string' };

interface Given {
  readonly server?: Partial<ServerFacts>;
  readonly table?: Partial<TableFacts>;
  readonly slot?: SlotFacts;
  readonly publication?: PublicationFacts;
  readonly mode?: string;
  readonly config?: Readonly<Record<string, string | undefined>>;
  readonly signals?: Partial<TableFacts> | null;
  readonly others?: readonly string[];
  readonly tables?: readonly string[];
}

const without = (config: Readonly<Record<string, string | undefined>>): Record<string, string> => Object.fromEntries(Object.entries(config).filter((entry): entry is [string, string] => entry[1] !== undefined));

const factsOf = ({ server, table, slot, publication, signals, others = [] }: Given): DatabaseFacts =>
  ({ server: { ...SERVER, ...server }, tables: [{ ...TABLE, ...table }], slot, publication, signals: signals === null ? undefined : { ...SIGNALS, ...signals }, others });

const needs = (given: Given): readonly Need[] => {
  const config = without({ ...CONFIG, ...(given.mode === undefined ? {} : { 'publication.autocreate.mode': given.mode }), ...given.config });
  return needsOf(factsOf(given), captureOf(config, given.tables ?? ['public.content']));
};

const IDENTITY = 'table.include.list';
const unidentified = (replicaIdentity: string, name = 'public.content') => [{ name, replicaIdentity }];
const SIGNALS_KEY = 'signal.data.collection';

describe('what a database needs', () => {
  const cases: readonly (readonly [what: string, given: Given, needs: readonly (readonly [level: string, key: string, text: RegExp, sql?: string])[]])[] = [
    ['is nothing', {}, []],
    ['is logical decoding', { server: { walLevel: 'replica' } }, [['required', 'database.hostname', /wal_level is replica, not logical/, "ALTER SYSTEM SET wal_level = 'logical';"]]],
    ['is the privilege to replicate', { server: { replication: false, user: 'Odd user' } }, [['required', 'database.user', /no replication privilege/, 'ALTER ROLE "Odd user" REPLICATION;']]],
    ['is a newer PostgreSQL', { server: { version: 120_010 } }, [['required', 'database.hostname', /PostgreSQL 12 is too old/]]],
    ['is a free slot', { server: { slots: 10 } }, [['required', 'slot.name', /all 10 replication slots are taken/, 'ALTER SYSTEM SET max_replication_slots = 14;']]],
    ['is no free slot, when its own is there', { server: { slots: 10, senders: 10 }, slot: { plugin: 'pgoutput', database: 'app', active: true } }, []],
    ['is a free connection for replication', { server: { senders: 10 } }, [['required', 'slot.name', /max_wal_senders/, 'ALTER SYSTEM SET max_wal_senders = 14;']]],
    ['is another slot, when that one has another plugin', { slot: { plugin: 'test_decoding', database: 'app', active: false } }, [['required', 'slot.name', /plugin test_decoding, not pgoutput/]]],
    ['is a slot of the plugin that the connector has', { config: { 'plugin.name': 'decoderbufs' }, slot: { plugin: 'decoderbufs', database: 'app', active: false } }, []],
    ['is a slot of decoderbufs, when the connector names no plugin', { config: { 'plugin.name': undefined }, slot: { plugin: 'pgoutput', database: 'app', active: false } }, [['required', 'slot.name', /plugin pgoutput, not decoderbufs/]]],
    ['is no publication for another plugin', { config: { 'plugin.name': 'decoderbufs' }, mode: 'disabled', table: { unidentified: unidentified('n') } }, []],
    ['is another slot, when that one is of another database', { slot: { plugin: 'pgoutput', database: 'other', active: false } }, [['required', 'slot.name', /of another database, other/]]],
    ['is a publication that the user may not make', { table: { owned: false } }, [['required', 'publication.name', /there is no publication shop, and its user may not/, 'CREATE PUBLICATION shop FOR TABLE public.content, public.debezium_signal;']]],
    ['is a publication that the connector does not make', { mode: 'disabled' }, [['required', 'publication.name', /there is no publication shop$/, 'CREATE PUBLICATION shop FOR TABLE public.content, public.debezium_signal;']]],
    ['is a publication of the root of partitions', { mode: 'disabled', table: { kind: 'p' } }, [['required', 'publication.name', /./, 'CREATE PUBLICATION shop FOR TABLE public.content, public.debezium_signal WITH (publish_via_partition_root = true);']]],
    ['is a table in the publication', { mode: 'disabled', publication: { allTables: false, tables: ['public.other', 'public.debezium_signal'] } }, [['required', 'publication.name', /does not publish public\.content$/, 'ALTER PUBLICATION shop ADD TABLE public.content;']]],
    ['is the table for signals in the publication', { mode: 'disabled', publication: { allTables: false, tables: ['public.content'] } }, [['required', 'publication.name', /does not publish public\.debezium_signal$/, 'ALTER PUBLICATION shop ADD TABLE public.debezium_signal;']]],
    ['is no table in a publication of all', { mode: 'disabled', publication: { allTables: true, tables: [] } }, []],
    ['is a superuser for a publication of all tables', { config: { 'publication.autocreate.mode': undefined } }, [['required', 'publication.name', /there is no publication shop, and only a superuser may make one of all tables/, 'CREATE PUBLICATION shop FOR TABLE public.content, public.debezium_signal;']]],
    ['is no publication that a superuser makes of all tables', { mode: 'all_tables', server: { superuser: true } }, []],
    ['is a table that the mode all_tables does not add to a publication that is there', { mode: 'all_tables', server: { superuser: true }, publication: { allTables: false, tables: ['public.debezium_signal'] } }, [['required', 'publication.name', /does not publish public\.content$/, 'ALTER PUBLICATION shop ADD TABLE public.content;']]],
    ['is a replica identity of every table that is published with all', { mode: 'all_tables', server: { superuser: true }, others: ['public.log'] }, [['required', 'publication.autocreate.mode', /all_tables publishes every table .* refuses updates and deletes .*: public\.log\. Set filtered/]]],
    ['is a replica identity of many tables, of which ten are named', { publication: { allTables: true, tables: [] }, others: Array.from({ length: 12 }, (_, i) => `public.t${i}`) }, [['required', 'publication.autocreate.mode', /the publication shop has every table .*: public\.t0, .*public\.t9 and 2 more\./]]],
    ['is the right to read', { table: { selectable: false } }, [['required', IDENTITY, /may not read public\.content/, 'GRANT USAGE ON SCHEMA public TO cdc; GRANT SELECT ON public.content TO cdc;']]],
    ['is a table', { tables: ['public.content', 'public.absent'] }, [['required', IDENTITY, /there is no table public\.absent in the database app/]]],
    ['is a key', { table: { primaryKey: [], uniqueIndex: false, unidentified: unidentified('d') } }, [['required', IDENTITY, /has no primary key: once it is published/, 'ALTER TABLE public.content REPLICA IDENTITY FULL;'], ['advised', IDENTITY, /has no key/]]],
    ['is no primary key, with a replica identity', { table: { primaryKey: [], replicaIdentity: 'f' } }, []],
    ['is a replica identity, when it is NOTHING, whatever the key', { table: { replicaIdentity: 'n', unidentified: unidentified('n') } }, [['required', IDENTITY, /public\.content has REPLICA IDENTITY NOTHING: once it is published, PostgreSQL refuses/, 'ALTER TABLE public.content REPLICA IDENTITY DEFAULT;']]],
    ['is a replica identity, when it is NOTHING and there is no key', { table: { primaryKey: [], replicaIdentity: 'n', unidentified: unidentified('n') } }, [['required', IDENTITY, /REPLICA IDENTITY NOTHING/, 'ALTER TABLE public.content REPLICA IDENTITY FULL;']]],
    ['is a replica identity, when the primary key is deferrable', { table: { deferrable: true, unidentified: unidentified('d') } }, [['required', IDENTITY, /has a deferrable primary key: once/, 'ALTER TABLE public.content REPLICA IDENTITY FULL;']]],
    ['is a replica identity, when its index is gone', { table: { replicaIdentity: 'i', unidentified: unidentified('i') } }, [['required', IDENTITY, /whose index is gone/, 'ALTER TABLE public.content REPLICA IDENTITY DEFAULT;']]],
    ['is a replica identity of a partition', { table: { kind: 'p', unidentified: unidentified('n', 'public."Old"') } }, [['required', IDENTITY, /the partition public\."Old" of public\.content has REPLICA IDENTITY NOTHING/, 'ALTER TABLE public."Old" REPLICA IDENTITY DEFAULT;']]],
    ['is the table for signals', { signals: null }, [['required', SIGNALS_KEY, /there is no table public\.debezium_signal for signals/, 'CREATE TABLE IF NOT EXISTS public.debezium_signal (id text PRIMARY KEY, type text NOT NULL, data text); GRANT SELECT, INSERT ON public.debezium_signal TO cdc;']]],
    ['is a table that takes signals', { signals: { columns: [column('id', 'text')] } }, [['required', SIGNALS_KEY, /has no column type, data/]]],
    ['is the right to write signals', { signals: { insertable: false } }, [['required', SIGNALS_KEY, /may not read and write/, 'GRANT USAGE ON SCHEMA public TO cdc; GRANT SELECT, INSERT ON public.debezium_signal TO cdc;']]],
    ['is to take signals', { config: { [SIGNALS_KEY]: undefined }, signals: null }, [['advised', SIGNALS_KEY, /takes no signals, without which `millrace snapshot`/, 'CREATE TABLE IF NOT EXISTS public.debezium_signal (id text PRIMARY KEY, type text NOT NULL, data text); GRANT SELECT, INSERT ON public.debezium_signal TO cdc;']]],
    ['is to take signals from the table that it has', { config: { 'signal.enabled.channels': 'kafka, jmx' }, signals: null }, [['advised', SIGNALS_KEY, /takes no signals/, 'CREATE TABLE IF NOT EXISTS public.debezium_signal (id text PRIMARY KEY, type text NOT NULL, data text); GRANT SELECT, INSERT ON public.debezium_signal TO cdc;']]],
  ];
  for (const [what, given, expected] of cases) {
    it(what, () => {
      const found = needs(given);
      expect(found.map(({ level, key, sql }) => [level, key, sql])).to.deep.equal(expected.map(([level, key, , sql]) => [level, key, sql]));
      expected.forEach(([, , text], index) => expect(found[index]!.text).to.match(text));
    });
  }

  it('is the whole old row, for columns whose large values are not sent again, and for those where nobody can tell', () => {
    const columns = [column('title', 'text', { storage: 'x' }), column('amount', 'numeric', { storage: 'm' })];
    const found = needs({ table: { columns } });
    expect(found.map(({ level, sql }) => [level, sql])).to.deep.equal([1, 2].map(() => ['advised', 'ALTER TABLE public.content REPLICA IDENTITY FULL;']));
    expect(found[0]!.text).to.match(/\(title\): a stream refuses such an update/);
    expect(found[1]!.text).to.match(/Debezium takes for null .* no stream and no table can tell \(amount\)/);
    expect(needs({ table: { columns, replicaIdentity: 'f' } })).to.deep.equal([]);
  });

  it('is to know what is lost, once for each loss, with the columns', () => {
    const columns = [column('day', 'date'), column('until', 'date'), column('zone', 'timetz'), column('state', 'text', { notNull: false, defaultSql: "'new'::text" })];
    expect(needs({ table: { columns } }).map(({ text }) => text.replace(/ .*: /, ': '))).to.deep.equal(['NULL: state', 'infinity: day, until', 'the: zone']);
  });

  it('is the signal table in the publication too, when the connector does not make it', () => {
    const [found] = needs({ config: { [SIGNALS_KEY]: undefined }, signals: null, mode: 'disabled', publication: { allTables: false, tables: ['public.content'] } });
    expect(found!.sql).to.match(/; ALTER PUBLICATION shop ADD TABLE public\.debezium_signal;$/);
  });
});

describe('the configuration that is chosen for a database', () => {
  const LAYOUT = { name: 'my-Shop', topicPrefix: 'shop', streams: [], partitions: 3, variablePrefix: 'SHOP_PG', sslMode: undefined, signals: undefined };
  const chosen = (given: Given, layout: object = {}) => chooseConfig(factsOf(given), { ...LAYOUT, ...layout });

  const cases: readonly (readonly [what: string, given: Given, layout: object, config: Readonly<Record<string, string | undefined>>])[] = [
    ['names slot and publication after the connector', {}, {}, { 'slot.name': 'my_shop', 'publication.name': 'my_shop', 'publication.autocreate.mode': 'filtered', 'plugin.name': 'pgoutput' }],
    ['has placeholders for the address and the credentials', {}, {}, { 'database.hostname': '${env:SHOP_PG_HOST}', 'database.password': '${env:SHOP_PG_PASSWORD}', 'key.converter.apicurio.registry.url': '${env:MILLRACE_REGISTRY_CONVERTER_URL}', 'database.sslmode': undefined }],
    ['keeps the mode of TLS', {}, { sslMode: 'require' }, { 'database.sslmode': 'require' }],
    ['names tables exactly', { table: { name: 'odd.name$' } }, {}, { 'table.include.list': 'public\\.odd\\.name\\$', 'topic.creation.tables.include': 'shop\\.public\\.odd\\.name_' }],
    ['leaves the publication to its owner', { table: { owned: false } }, {}, { 'publication.autocreate.mode': 'disabled' }],
    ['compacts what has a key', {}, {}, { 'topic.creation.groups': 'tables', 'topic.creation.tables.cleanup.policy': 'compact', 'topic.creation.tables.partitions': '3', 'topic.creation.default.replication.factor': '-1' }],
    ['does not compact what is only streamed', {}, { streams: ['public.content'] }, { 'topic.creation.groups': undefined, 'topic.creation.default.partitions': '3' }],
    ['does not compact what has no key, of which a compacted topic takes no record', { table: { primaryKey: [], uniqueIndex: false } }, {}, { 'topic.creation.groups': undefined }],
    ['carries NaN of a numeric', { table: { columns: [column('n', 'numeric')] } }, {}, { 'decimal.handling.mode': 'string' }],
    ['carries money exactly', { table: { columns: [column('n', 'money')] } }, {}, { 'decimal.handling.mode': 'precise' }],
    ['carries times and intervals exactly', {}, {}, { 'time.precision.mode': 'adaptive', 'interval.handling.mode': 'string', 'hstore.handling.mode': 'json' }],
    ['carries types that Debezium does not know', { table: { columns: [column('q', 'tsquery')] } }, {}, { 'include.unknown.datatypes': 'true' }],
    ['knows enumerations', { table: { columns: [column('q', 'mood', { kind: 'e' })] } }, {}, { 'include.unknown.datatypes': undefined }],
    ['gives columns names that Avro has', { table: { columns: [column('first name', 'text')] } }, {}, { 'field.name.adjustment.mode': 'avro' }],
    ['publishes partitions as their table', { table: { kind: 'p' } }, {}, { 'publish.via.partition.root': 'true' }],
    ['carries arrays of types that Debezium does not know', { table: { columns: [column('q', 'tsquery[]')] } }, {}, { 'include.unknown.datatypes': 'true' }],
    ['does not ask for arrays that Debezium never takes', { table: { columns: [column('q', 'xml[]'), column('i', 'interval[]')] } }, {}, { 'include.unknown.datatypes': undefined }],
    ['carries a name, which Debezium knows in a snapshot only', { table: { columns: [column('q', 'name')] } }, {}, { 'include.unknown.datatypes': 'true' }],
    ['skips truncates, which a compacted topic refuses', {}, {}, { 'skipped.operations': 't' }],
    ['takes signals when told of a table', {}, { signals: 'public.debezium_signal' }, { 'signal.data.collection': 'public.debezium_signal' }],
    ['takes no signals otherwise', {}, {}, { 'signal.data.collection': undefined }],
    ['has a heartbeat that writes to the WAL', {}, {}, { 'heartbeat.interval.ms': '10000', 'heartbeat.action.query': "SELECT pg_logical_emit_message(false, 'millrace-heartbeat', '')", 'message.prefix.exclude.list': 'millrace-heartbeat' }],
    ['has another heartbeat on PostgreSQL 13', { server: { version: 130_010 } }, {}, { 'heartbeat.interval.ms': '10000', 'heartbeat.action.query': undefined }],
    ['delivers exactly once', {}, {}, { 'exactly.once.support': 'required', 'transaction.boundary': 'poll' }],
  ];
  for (const [what, given, layout, config] of cases) {
    it(what, () => {
      const found = chosen(given, layout).config;
      expect(Object.fromEntries(Object.keys(config).map((key) => [key, found[key]]))).to.deep.equal(config);
    });
  }

  it('says what to do after a TRUNCATE', () => {
    expect(chosen({}).reasons.join('\n')).to.match(/skipped\.operations is t, because .* after a TRUNCATE run millrace resync/);
    expect(chosen({}, { streams: ['public.content'] }).reasons).to.deep.equal([]);
  });

  it('says why, with the columns', () => {
    expect(chosen({ table: { columns: [column('price', 'numeric')] } }).reasons[0]).to.match(/decimal\.handling\.mode is string, because .* NaN .*: public\.content\.price\./);
  });
});
