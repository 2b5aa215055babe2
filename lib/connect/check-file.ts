/** What is wrong with a connector's settings, seen from the file alone. Each as `key: why`. */
import { isCompacted, topicOf } from './selection.ts';

type Config = Readonly<Record<string, string>>;

const UNAVAILABLE_KEY = 'unavailable.value.placeholder';
const UNAVAILABLE_DEFAULT = '__debezium_unavailable_value';
const FLATTENS = 'io.debezium.transforms.ExtractNewRecordState';
const APICURIO = 'io.apicurio.registry.utils.converter.AvroConverter';

const listOf = (text: string | undefined): string[] => (text ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '');

const NO_PLUGIN = "plugin.name: it is not set, and Debezium's default is decoderbufs, which PostgreSQL does not come with: write pgoutput, or decoderbufs if you have it";

export const settingProblems = (config: Config): string[] => (config['plugin.name'] === undefined ? [NO_PLUGIN] : []);

export const settingNotes = (config: Config): string[] => {
  const placeholder = config[UNAVAILABLE_KEY];
  if (placeholder === undefined || placeholder === UNAVAILABLE_DEFAULT) return [];
  return [`${UNAVAILABLE_KEY}: it is not Debezium's own, so every stream and table has to be told: debezium(row, { unavailable: ${JSON.stringify(placeholder)} }). One that is not takes the placeholder for a value`];
};

const flattened = (config: Config): boolean => listOf(config['transforms']).some((name) => config[`transforms.${name}.type`] === FLATTENS);

/**
 * Records without a key, which a compacted topic does not take: the connector stops at the first one for good, while Connect goes on saying that it
 * runs. `keyless` are those of the tables whose rows have no key.
 */
export const compactionProblems = (config: Config, tables: readonly string[], keyless: readonly string[]): string[] => {
  const problems: string[] = [];
  const compacted = (names: readonly string[]): string[] => names.filter((name) => isCompacted(config, topicOf(config, name)));
  const stops = 'which a compacted topic refuses: the connector stops there for good, and Connect goes on saying that it runs';
  const truncated = compacted(tables);
  if (truncated.length > 0 && !listOf(config['skipped.operations'] ?? 't').includes('t') && !flattened(config)) {
    problems.push(`skipped.operations: a TRUNCATE of ${truncated.join(', ')} is a record without a key, ${stops}. Have t among them, and run millrace resync after a TRUNCATE`);
  }
  const unkeyed = config['message.key.columns'] === undefined ? compacted(keyless) : [];
  if (unkeyed.length > 0) problems.push(`topic.creation: the records of ${unkeyed.join(', ')} have no key, ${stops}`);
  return problems;
};

/** What Apicurio's converter needs, in 2.x, to write what every reader of Confluent's format reads. Later ones do so by themselves and take these settings, too. */
const WIRE_FORMAT: readonly (readonly [setting: string, value: string, why: string])[] = [
  ['as-confluent', 'true', 'its ids have eight bytes, which no reader of the usual format reads'],
  ['headers.enabled', 'false', "the schema's id stands in a header, and not in front of the value"],
  ['use-id', 'contentId', 'ids are globalId, and a reader that asks for the contentId of the same number gets another schema, without a word'],
];

export const converterProblems = (config: Config): string[] => ['key', 'value'].flatMap((side) => {
  if (config[`${side}.converter`] !== APICURIO) return [];
  const prefix = `${side}.converter.apicurio.registry.`;
  const is = (setting: string, value: string): boolean => config[`${prefix}${setting}`]?.trim().toLowerCase() === value.toLowerCase();
  const wrong = WIRE_FORMAT.filter(([setting, value]) => !is(setting, value)).map(([setting, value, why]) => `${prefix}${setting}: it is not ${value}: ${why}`);
  const latest = is('find-latest', 'true') && !is('auto-register', 'true') ? [`${prefix}find-latest: without auto-register each record is written by the latest schema of the registry, which need not be its own`] : [];
  return [...wrong, ...latest];
});
