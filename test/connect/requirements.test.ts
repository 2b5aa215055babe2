import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Column, DatabaseFacts, PublicationFacts, ServerFacts, SlotFacts, TableFacts } from '../../lib/connect/database.ts';
import { needsOf } from '../../lib/connect/requirements.ts';
import { chooseConfig } from '../../lib/connect/scaffold-config.ts';

const SERVER: ServerFacts = {
  ...{ version: 150_004, database: 'app', user: 'cdc', walLevel: 'logical', maxSlots: 10, slots: 1, maxSenders: 10, senders: 1 },
  ...{ maxSlotKeepMb: 1024, replication: true, createsPublications: true },
};

const column = (name: string, type: string, more: Partial<Column> = {}): Column => ({ name, type, kind: 'b', notNull: false, generated: false, wide: false, ...more });

const TABLE: TableFacts = {
  ...{ schema: 'public', name: 'content', kind: 'r', replicaIdentity: 'd', primaryKey: ['id'], uniqueIndex: true, selectable: true, owned: true },
  columns: [column('id', 'uuid', { notNull: true })],
};

const CAPTURE = { slot: 'shop', publication: 'shop', publicationMode: 'filtered', tables: ['public.content'] };

interface Given {
  readonly server?: Partial<ServerFacts>;
  readonly table?: Partial<TableFacts>;
  readonly slot?: SlotFacts;
  readonly publication?: PublicationFacts;
  readonly mode?: string;
  readonly tables?: readonly string[];
}

const factsOf = ({ server, table, slot, publication }: Given): DatabaseFacts => ({ server: { ...SERVER, ...server }, tables: [{ ...TABLE, ...table }], slot, publication });

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
    ['is another slot, when that one is of another database', { slot: { plugin: 'pgoutput', database: 'other', active: false } }, [['required', 'slot.name', /of another database, other/]]],
    ['is a publication that the user may not make', { table: { owned: false } }, [['required', 'publication.name', /there is no publication shop, and its user may not/, 'CREATE PUBLICATION shop FOR TABLE public.content;']]],
    ['is a publication that the connector does not make', { mode: 'disabled' }, [['required', 'publication.name', /there is no publication shop$/, 'CREATE PUBLICATION shop FOR TABLE public.content;']]],
    ['is a publication of the root of partitions', { mode: 'disabled', table: { kind: 'p' } }, [['required', 'publication.name', /./, 'CREATE PUBLICATION shop FOR TABLE public.content WITH (publish_via_partition_root = true);']]],
    ['is a table in the publication', { mode: 'disabled', publication: { allTables: false, tables: ['public.other'] } }, [['required', 'publication.name', /does not publish public\.content/, 'ALTER PUBLICATION shop ADD TABLE public.content;']]],
    ['is no table in a publication of all', { mode: 'disabled', publication: { allTables: true, tables: [] } }, []],
    ['is the right to read', { table: { selectable: false } }, [['required', 'table.include.list', /may not read public\.content/, 'GRANT USAGE ON SCHEMA public TO cdc; GRANT SELECT ON public.content TO cdc;']]],
    ['is a table', { tables: ['public.content', 'public.absent'] }, [['required', 'table.include.list', /there is no table public\.absent in the database app/]]],
    ['is a key', { table: { primaryKey: [], uniqueIndex: false } }, [['required', 'table.include.list', /has no primary key: once it is published/, 'ALTER TABLE public.content REPLICA IDENTITY FULL;'], ['advised', 'table.include.list', /has no key/]]],
    ['is no primary key, with a replica identity', { table: { primaryKey: [], replicaIdentity: 'f' } }, []],
    ['is the whole old row, for wide columns', { table: { columns: [column('title', 'text', { wide: true })] } }, [['advised', 'table.include.list', /\(title\)/, 'ALTER TABLE public.content REPLICA IDENTITY FULL;']]],
    ['is not the whole old row, when only the key is wide', { table: { columns: [column('id', 'text', { wide: true })] } }, []],
    ['is to know that generated columns are not sent', { table: { columns: [column('sum', 'int4', { generated: true })] } }, [['advised', 'table.include.list', /generated columns of public\.content are not sent: sum/]]],
    ['is to know that an array with NaN is null', { table: { columns: [column('prices', 'numeric[]')], replicaIdentity: 'f' } }, [['advised', 'table.include.list', /NaN in it arrives as null: prices/]]],
    ['is to know that dates end', { table: { columns: [column('day', 'date')] } }, [['advised', 'table.include.list', /infinity and years BC .*: day/]]],
  ];
  for (const [what, given, expected] of cases) {
    it(what, () => {
      const needs = needsOf(factsOf(given), { ...CAPTURE, publicationMode: given.mode ?? 'filtered', tables: given.tables ?? CAPTURE.tables });
      expect(needs.map(({ level, key, sql }) => [level, key, sql])).to.deep.equal(expected.map(([level, key, , sql]) => [level, key, sql]));
      expected.forEach(([, , text], index) => expect(needs[index]!.text).to.match(text));
    });
  }
});

describe('the configuration that is chosen for a database', () => {
  const LAYOUT = { name: 'my-Shop', topicPrefix: 'shop', streams: [], partitions: 3, variablePrefix: 'SHOP_PG', sslMode: undefined };
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

  it('says why, with the columns', () => {
    expect(chosen({ table: { columns: [column('price', 'numeric')] } }).reasons[0]).to.match(/decimal\.handling\.mode is string, because .* NaN .*: public\.content\.price\./);
  });
});
