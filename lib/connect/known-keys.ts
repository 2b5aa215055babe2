import { nearest } from './near.ts';

/** Connect ignores keys that it does not know, so a typo changes nothing and says nothing. */

const TOPIC_SETTINGS = [
  'cleanup.policy', 'compression.type', 'compression.gzip.level', 'compression.lz4.level', 'compression.zstd.level', 'delete.retention.ms', 'file.delete.delay.ms', 'flush.messages', 'flush.ms',
  'follower.replication.throttled.replicas', 'index.interval.bytes', 'leader.replication.throttled.replicas', 'local.retention.bytes', 'local.retention.ms', 'max.compaction.lag.ms', 'max.message.bytes',
  'message.timestamp.after.max.ms', 'message.timestamp.before.max.ms', 'message.timestamp.type', 'min.cleanable.dirty.ratio', 'min.compaction.lag.ms', 'min.insync.replicas', 'preallocate',
  'remote.copy.disable', 'remote.log.delete.on.disable', 'remote.storage.enable', 'retention.bytes', 'retention.ms', 'segment.bytes', 'segment.index.bytes', 'segment.jitter.ms', 'segment.ms',
  'unclean.leader.election.enable',
];
const TOPIC_GROUP = ['include', 'exclude', 'replication.factor', 'partitions', ...TOPIC_SETTINGS];

const APICURIO = [
  'auto-register', 'auto-register.if-exists', 'url', 'find-latest', 'use-id', 'id-handler', 'as-confluent', 'is-key', 'headers.enabled', 'headers.handler', 'schema-resolver', 'serdes.validation-enabled',
  'serde.validation-enabled', 'check-period-ms', 'retry-count', 'retry-backoff-ms', 'artifact-resolver-strategy', 'artifact.group-id', 'artifact.artifact-id', 'artifact.version', 'artifact.schema.location',
  'fallback.group-id', 'fallback.artifact-id', 'fallback.version', 'fallback.provider', 'dereference-schema', 'avro-datum-provider', 'avro.encoding', 'use-specific-avro-reader', 'converter.serializer',
  'converter.deserializer', 'deserializer.key.return-class', 'deserializer.value.return-class', 'request.ssl.key.password', 'request.ssl.keystore.location', 'request.ssl.keystore.password',
  'request.ssl.keystore.type', 'request.ssl.truststore.location', 'request.ssl.truststore.password', 'request.ssl.truststore.type',
  ...['key', 'value'].flatMap((side) => ['groupId', 'artifactId', 'version', 'globalId', 'contentId', 'contentHash', 'msgType'].map((part) => `headers.${side}.${part}.name`)),
].map((key) => `apicurio.registry.${key}`);
const APICURIO_OTHERS = [
  ...['client.id', 'client.secret', 'password', 'realm', 'service.url', 'username', 'service.token.endpoint'].map((key) => `apicurio.auth.${key}`),
  'schemas.enable', 'schemas.cache.size', 'schemas.cache.config', 'enhanced.avro.schema.support', 'connect.meta.data',
];
const CONFLUENT = [
  'schema.registry.url', 'auto.register.schemas', 'use.latest.version', 'use.latest.with.metadata', 'latest.compatibility.strict', 'latest.cache.size', 'latest.cache.ttl.sec', 'use.schema.id', 'id.compatibility.strict',
  'normalize.schemas', 'max.schemas.per.subject', 'key.subject.name.strategy', 'value.subject.name.strategy', 'schema.reflection', 'avro.reflection.allow.null', 'avro.use.logical.type.converters',
  'basic.auth.credentials.source', 'basic.auth.user.info', 'bearer.auth.credentials.source', 'bearer.auth.token', 'schema.registry.basic.auth.user.info', 'proxy.host', 'proxy.port', 'schemas.cache.config',
  'schemas.cache.size', 'enhanced.avro.schema.support', 'connect.meta.data', 'scrub.invalid.names', 'discard.type.doc.default', 'allow.optional.map.keys', 'flatten.unions', 'flatten.singleton.unions',
  'ignore.default.for.nullables', 'generalized.sum.type.support', 'schemas.enable',
];

/** The settings of converters that declare none to Connect. */
const CONVERTER_KEYS: Readonly<Record<string, readonly string[]>> = {
  'io.apicurio.registry.utils.converter.AvroConverter': [...APICURIO, ...APICURIO_OTHERS],
  'io.confluent.connect.avro.AvroConverter': CONFLUENT,
  'org.apache.kafka.connect.json.JsonConverter': ['schemas.enable', 'schemas.cache.size', 'schema.content', 'decimal.format', 'replace.null.with.default', 'converter.type'],
};

/** What Debezium's connectors read without declaring it, as the part in front of it. */
const DEBEZIUM_FREE = [
  'driver.', 'snapshot.select.statement.overrides.', 'column.mask.', 'column.truncate.', 'signal.consumer.', 'signal.kafka.', 'internal.', 'openlineage.integration.',
];
const DEBEZIUM_UNDECLARED = [
  'topic.delimiter', 'topic.cache.size', 'topic.transaction', 'topic.heartbeat.prefix', 'topic.regex', 'topic.replacement', 'topic.key.enforce.uniqueness', 'topic.key.field.name', 'topic.key.field.regex',
  'topic.key.field.replacement', 'signal.file', 'read.only', 'money.fraction.digits', 'connection.factory.class', 'create.slot.command.timeout', 'offset.mismatch.strategy', 'queue.provider.type',
  'custom.retriable.exception', 'poll.dispatch.interval.ms',
];

/** Names that were right in an earlier version, or are elsewhere. */
const RENAMED: Readonly<Record<string, string>> = {
  'database.server.name': 'topic.prefix',
  'table.whitelist': 'table.include.list', 'table.blacklist': 'table.exclude.list',
  'schema.whitelist': 'schema.include.list', 'schema.blacklist': 'schema.exclude.list',
  'column.whitelist': 'column.include.list', 'column.blacklist': 'column.exclude.list',
  'sanitize.field.names': 'field.name.adjustment.mode', 'slot.drop_on_stop': 'slot.drop.on.stop', 'toasted.value.placeholder': 'unavailable.value.placeholder',
};

const FREE_EVERYWHERE = ['producer.override.', 'consumer.override.', 'admin.override.', 'header.converter.'];

type Config = Readonly<Record<string, string>>;

const namesIn = (list: string | undefined): string[] => (list ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');

/** Keys below a name that the file itself gives, such as a converter or a group of topics. */
interface Family {
  readonly prefix: string;
  /** Undefined: anything may stand there. */
  readonly keys?: readonly string[];
}

const familiesOf = (config: Config): Family[] => {
  const families: Family[] = FREE_EVERYWHERE.map((prefix) => ({ prefix }));
  for (const group of ['default', ...namesIn(config['topic.creation.groups'])]) families.push({ prefix: `topic.creation.${group}.`, keys: TOPIC_GROUP });
  for (const side of ['key.converter', 'value.converter']) {
    const keys = CONVERTER_KEYS[config[side] ?? ''];
    if (config[side] !== undefined) families.push({ prefix: `${side}.`, ...(keys === undefined ? {} : { keys }) });
  }
  if (config['connector.class']?.startsWith('io.debezium.')) {
    const named = [...namesIn(config.converters), ...namesIn(config['post.processors'])];
    families.push({ prefix: '', keys: DEBEZIUM_UNDECLARED });
    families.push(...DEBEZIUM_FREE.map((prefix) => ({ prefix })), ...named.map((name) => ({ prefix: `${name}.` })));
  }
  return families;
};

/** A list in the file names what has settings of its own; those of one that is not in the list do nothing. */
const LISTED: readonly (readonly [prefix: string, list: string])[] = [['transforms.', 'transforms'], ['predicates.', 'predicates'], ['topic.creation.', 'topic.creation.groups']];

const unlisted = (key: string, config: Config): string | undefined => {
  for (const [prefix, list] of LISTED) {
    const [name, rest] = key.startsWith(prefix) ? key.slice(prefix.length).split('.') : [];
    if (name === undefined || rest === undefined || key === list || (list === 'topic.creation.groups' && name === 'default')) continue;
    if (!namesIn(config[list]).includes(name)) return `it does nothing: ${list} does not name ${name}`;
  }
  for (const side of ['key.converter', 'value.converter']) {
    if (key.startsWith(`${side}.`) && config[side] === undefined) return `it does nothing without ${side}`;
  }
  return undefined;
};

const allowed = (key: string, known: readonly string[]): boolean => known.some((entry) => (entry.endsWith('*') ? key.startsWith(entry.slice(0, -1)) : key === entry));

/**
 * What is wrong with the names of keys, as `key: why`. `defined` are the keys that Connect listed for this connector;
 * `known` are those that the user vouches for, `x.y` or `x.*`.
 */
export const keyProblems = (config: Config, defined: ReadonlySet<string>, known: readonly string[] = []): string[] => {
  const families = familiesOf(config);
  // Some are declared as a pattern; those are below a name of their own.
  const candidates = [...[...defined].filter((key) => !key.includes('(')), ...families.flatMap(({ prefix, keys }) => (keys ?? []).map((key) => prefix + key))];
  const all = new Set(candidates);
  const free = families.filter(({ keys }) => keys === undefined).map(({ prefix }) => prefix);
  return Object.keys(config).flatMap((key) => {
    if (all.has(key) || allowed(key, known)) return [];
    const idle = unlisted(key, config);
    if (idle !== undefined) return [`${key}: ${idle}`];
    if (free.some((prefix) => key.startsWith(prefix) && key.length > prefix.length)) return [];
    const near = RENAMED[key] ?? nearest(key, candidates);
    return [`${key}: there is no such key, and Connect would ignore it${near === undefined ? '' : `; did you mean ${near}?`}`];
  });
};
