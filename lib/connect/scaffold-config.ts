import type { Column, DatabaseFacts, TableFacts } from './database.ts';
import { isUnknown } from './losses.ts';
import { fullName, hasKey, mayPublish } from './requirements.ts';
import { topicOf } from './selection.ts';

export interface Layout {
  /** Of the connector; its slot and publication are named after it. */
  readonly name: string;
  readonly topicPrefix: string;
  /** `schema.table` of those whose changes are only streamed: their topics are not compacted. */
  readonly streams: readonly string[];
  readonly partitions: number;
  /** In front of `_HOST`, `_PORT`, `_USER`, `_PASSWORD` and `_DATABASE`. */
  readonly variablePrefix: string;
  readonly sslMode: string | undefined;
  /** `schema.table` for signals. */
  readonly signals: string | undefined;
}

export interface Chosen {
  readonly config: Readonly<Record<string, string>>;
  /** Why it is as it is, where the database made the difference. */
  readonly reasons: readonly string[];
}

export const REGISTRY_VARIABLE = 'MILLRACE_REGISTRY_CONVERTER_URL';

/** Slots have lower-case letters, digits and underscores, at most 63. */
export const slotName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_').slice(0, 63);

/** Text that stands in a regular expression as itself. */
const exactly = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

const columnsWhere = (tables: readonly TableFacts[], holds: (column: Column) => boolean): string[] =>
  tables.flatMap((table) => table.columns.filter((column) => !column.generated && holds(column)).map((column) => `${fullName(table)}.${column.name}`));

const valueModes = (tables: readonly TableFacts[]): Chosen => {
  const reasons: string[] = [];
  const numeric = columnsWhere(tables, ({ type }) => type.replace('[]', '') === 'numeric');
  if (numeric.length > 0) {
    reasons.push(`decimal.handling.mode is string, because a numeric column can hold NaN (and one without precision Infinity), of which the mode precise makes null without a word: ${numeric.join(', ')}. Their Avro type is "string": exact text, or NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY`);
  }
  const unknown = columnsWhere(tables, isUnknown);
  if (unknown.length > 0) reasons.push(`include.unknown.datatypes is true, because Debezium would leave these columns out, or send null for them; most such types come as bytes: ${unknown.join(', ')}`);
  const odd = tables.flatMap((table) => table.columns.filter(({ name }) => !/^[A-Za-z_]\w*$/.test(name)).map(({ name }) => `${fullName(table)}.${name}`));
  if (odd.length > 0) reasons.push(`field.name.adjustment.mode is avro, because Avro has no such names; other characters become _: ${odd.join(', ')}`);
  return {
    config: {
      'decimal.handling.mode': numeric.length > 0 ? 'string' : 'precise',
      'time.precision.mode': 'adaptive',
      'interval.handling.mode': 'string',
      'hstore.handling.mode': 'json',
      'binary.handling.mode': 'bytes',
      ...(unknown.length > 0 ? { 'include.unknown.datatypes': 'true' } : {}),
      'schema.name.adjustment.mode': 'avro',
      ...(odd.length > 0 ? { 'field.name.adjustment.mode': 'avro' } : {}),
    },
    reasons,
  };
};

const converter = (side: 'key' | 'value'): Record<string, string> => ({
  [`${side}.converter`]: 'io.apicurio.registry.utils.converter.AvroConverter',
  [`${side}.converter.apicurio.registry.url`]: `\${env:${REGISTRY_VARIABLE}}`,
  [`${side}.converter.apicurio.registry.auto-register`]: 'true',
  [`${side}.converter.apicurio.registry.as-confluent`]: 'true',
  [`${side}.converter.apicurio.registry.use-id`]: 'contentId',
  [`${side}.converter.apicurio.registry.headers.enabled`]: 'false',
  [`${side}.converter.apicurio.registry.artifact-resolver-strategy`]: 'io.apicurio.registry.serde.strategy.TopicIdStrategy',
});

const DAY_MS = 86_400_000;
/** A stream that reads a compacted topic too has so long to see every change. */
const COMPACTION_LAG_MS = DAY_MS;
/** A reader that was away so long still learns of deleted rows. */
const DELETE_RETENTION_MS = 7 * DAY_MS;
/** The broker's own. */
const BROKER_DEFAULT = '-1';

const topicCreation = (tables: readonly TableFacts[], layout: Layout): Chosen => {
  const common = { 'replication.factor': BROKER_DEFAULT, partitions: String(layout.partitions) };
  const config: Record<string, string> = {};
  for (const [key, value] of Object.entries(common)) config[`topic.creation.default.${key}`] = value;
  const compacted = tables.filter((table) => hasKey(table) && !layout.streams.includes(fullName(table)));
  if (compacted.length === 0) return { config, reasons: [] };
  config['topic.creation.groups'] = 'tables';
  const topics = compacted.map((table) => topicOf({ 'topic.prefix': layout.topicPrefix }, fullName(table)));
  config['topic.creation.tables.include'] = topics.map(exactly).join(',');
  const settings = { ...common, 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(COMPACTION_LAG_MS), 'delete.retention.ms': String(DELETE_RETENTION_MS) };
  for (const [key, value] of Object.entries(settings)) config[`topic.creation.tables.${key}`] = value;
  return {
    config,
    reasons: [
      `topics that keep the last change of every row for ever, as table() needs it (compact): ${topics.join(', ')}. Name those that are only streamed with --streams: their changes go when the broker's retention is over`,
      'skipped.operations is t, because a truncate has no key, which a compacted topic refuses, so that the connector would stop for good: after a TRUNCATE run millrace resync TABLE --apply',
    ],
  };
};

/** Writes to the WAL by itself, so that the slot moves on while only other tables change; needs no table and no right. */
const HEARTBEAT_SQL = "SELECT pg_logical_emit_message(false, 'millrace-heartbeat', '')";
const EMITS_MESSAGES_SINCE = 140_000;
const HEARTBEAT_INTERVAL_MS = 10_000;

const heartbeat = (version: number): Record<string, string> => ({
  'heartbeat.interval.ms': String(HEARTBEAT_INTERVAL_MS),
  ...(version < EMITS_MESSAGES_SINCE ? {} : { 'heartbeat.action.query': HEARTBEAT_SQL, 'message.prefix.exclude.list': 'millrace-heartbeat' }),
});

const publicationModeOf = (facts: DatabaseFacts): Chosen => {
  const mode = mayPublish(facts) ? 'filtered' : 'disabled';
  const reasons = mode === 'filtered' ? [] : ['publication.autocreate.mode is disabled, because the user may not make a publication of these tables: it takes their owner with CREATE on the database'];
  return { config: { 'publication.autocreate.mode': mode }, reasons };
};

/** The connector's configuration for these tables, in the order in which they are to be read at first. */
export const chooseConfig = (facts: DatabaseFacts, layout: Layout): Chosen => {
  const { tables, server } = facts;
  const slot = slotName(layout.name);
  const variable = (part: string): string => `\${env:${layout.variablePrefix}_${part}}`;
  const publication = publicationModeOf(facts);
  const modes = valueModes(tables);
  const topics = topicCreation(tables, layout);
  const config = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'tasks.max': '1',
    'exactly.once.support': 'required',
    'transaction.boundary': 'poll',
    'poll.interval.ms': '20',
    'database.hostname': variable('HOST'),
    'database.port': variable('PORT'),
    'database.user': variable('USER'),
    'database.password': variable('PASSWORD'),
    'database.dbname': variable('DATABASE'),
    ...(layout.sslMode === undefined ? {} : { 'database.sslmode': layout.sslMode }),
    'plugin.name': 'pgoutput',
    'slot.name': slot,
    'publication.name': slot,
    ...publication.config,
    ...(tables.some(({ kind }) => kind === 'p') ? { 'publish.via.partition.root': 'true' } : {}),
    'topic.prefix': layout.topicPrefix,
    'table.include.list': tables.map((table) => exactly(fullName(table))).join(','),
    'snapshot.mode': 'initial',
    'tombstones.on.delete': 'true',
    'skipped.operations': 't',
    ...(layout.signals === undefined ? {} : { 'signal.data.collection': layout.signals }),
    ...modes.config,
    ...heartbeat(server.version),
    ...converter('key'),
    ...converter('value'),
    ...topics.config,
  };
  return { config, reasons: [...publication.reasons, ...modes.reasons, ...topics.reasons] };
};
