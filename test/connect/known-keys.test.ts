import { expect } from 'chai';
import { describe, it } from 'mocha';
import { keyProblems } from '../../lib/connect/known-keys.ts';

const DEFINED = new Set(['connector.class', 'name', 'tasks.max', 'topic.prefix', 'table.include.list', 'topic.creation.groups', 'transforms', 'transforms.a.type', 'converters', 'post.processors', 'key.converter', 'column.mask.hash.([^.]+).with.salt.(.+)']);
const POSTGRES = 'io.debezium.connector.postgresql.PostgresConnector';
const APICURIO = 'io.apicurio.registry.utils.converter.AvroConverter';
const NO_SUCH_KEY = 'there is no such key, and Connect would ignore it';

describe('the keys of a connector', () => {
  const fine: readonly (readonly [what: string, config: Readonly<Record<string, string>>, known?: readonly string[]])[] = [
    ['that Connect declares', { name: 'a', 'tasks.max': '1' }],
    ['of a group of topics', { 'topic.creation.groups': 'tables', 'topic.creation.tables.include': 'x', 'topic.creation.tables.cleanup.policy': 'compact', 'topic.creation.default.partitions': '1' }],
    ['of a converter that declares none', { 'key.converter': APICURIO, 'key.converter.apicurio.registry.use-id': 'contentId', 'key.converter.apicurio.auth.client.secret': 'x' }],
    ['of a converter that nobody knows', { 'key.converter': 'x.Y', 'key.converter.any.thing': 'x' }],
    ['that Debezium reads without declaring them', { 'driver.loginTimeout': '3', 'column.mask.hash.SHA-256.with.salt.x': 'a', 'snapshot.select.statement.overrides.public.a': 'x', 'topic.delimiter': '.' }],
    ['of a converter of values, and of a post-processor', { converters: 'geo', 'geo.type': 'x.Y', 'geo.any': '1', 'post.processors': 'again', 'again.type': 'x' }],
    ['of clients', { 'producer.override.compression.type': 'zstd' }],
    ['that the user vouches for', { 'my.key': 'x', 'our.own.key': 'x' }, ['my.key', 'our.*']],
  ];
  for (const [what, config, known] of fine) {
    it(`are known: those ${what}`, () => expect(keyProblems({ 'connector.class': POSTGRES, ...config }, DEFINED, known)).to.deep.equal([]));
  }

  const wrong: readonly (readonly [config: Readonly<Record<string, string>>, problem: string])[] = [
    [{ 'strange.key': 'x' }, `strange.key: ${NO_SUCH_KEY}`],
    [{ 'topic.prefx': 'x' }, `topic.prefx: ${NO_SUCH_KEY}; did you mean topic.prefix?`],
    [{ 'database.server.name': 'x' }, `database.server.name: ${NO_SUCH_KEY}; did you mean topic.prefix?`],
    [{ 'table.whitelist': 'x' }, `table.whitelist: ${NO_SUCH_KEY}; did you mean table.include.list?`],
    [{ 'topic.creation.default.cleanup.polcy': 'x' }, `topic.creation.default.cleanup.polcy: ${NO_SUCH_KEY}; did you mean topic.creation.default.cleanup.policy?`],
    [{ 'topic.creation.content.include': 'x' }, 'topic.creation.content.include: it does nothing: topic.creation.groups does not name content'],
    [{ transforms: 'a', 'transforms.b.type': 'x' }, 'transforms.b.type: it does nothing: transforms does not name b'],
    [{ 'value.converter.schemas.enable': 'false' }, 'value.converter.schemas.enable: it does nothing without value.converter'],
    [{ 'key.converter': APICURIO, 'key.converter.apicurio.use-id': 'contentId' }, `key.converter.apicurio.use-id: ${NO_SUCH_KEY}; did you mean key.converter.apicurio.registry.use-id?`],
    [{ 'key.converter': APICURIO, 'key.converter.apicurio.registry.as-confluen': 'true' }, `key.converter.apicurio.registry.as-confluen: ${NO_SUCH_KEY}; did you mean key.converter.apicurio.registry.as-confluent?`],
    [{ 'producer.override.': 'x' }, `producer.override.: ${NO_SUCH_KEY}`],
  ];
  for (const [config, problem] of wrong) {
    it(`are refused: ${Object.keys(config).at(-1)}`, () => expect(keyProblems({ 'connector.class': POSTGRES, ...config }, DEFINED)).to.deep.equal([problem]));
  }

  it('of Debezium are no keys of another connector', () => {
    expect(keyProblems({ 'connector.class': 'x.Y', 'driver.loginTimeout': '3' }, DEFINED)).to.deep.equal([`driver.loginTimeout: ${NO_SUCH_KEY}`]);
  });
});
