/** Which tables a configuration of Debezium chooses, and how their topics are called. */

type Config = Readonly<Record<string, string>>;

/** Debezium's lists are patterns between commas; a comma in one has a backslash in front. */
export const patternsOf = (list: string | undefined): string[] => (list ?? '').split(/(?<!\\),/).map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');

/** Java has patterns that JavaScript does not. */
export const isReadable = (pattern: string): boolean => {
  try {
    return new RegExp(pattern) !== undefined;
  } catch {
    return false;
  }
};

/** A pattern matches a whole name, in any case. One of Java that JavaScript does not know is taken for a name. */
export const matches = (pattern: string, name: string): boolean => (isReadable(pattern) ? new RegExp(`^(?:${pattern})$`, 'i').test(name) : pattern === name);

const matchesOne = (list: string | undefined, name: string): boolean => patternsOf(list).some((pattern) => matches(pattern, name));

/** Whether the table `schema.table` is among those to be captured; one for signals is not asked for here. */
export const selects = (config: Config, name: string): boolean => {
  const schema = name.slice(0, name.indexOf('.'));
  const within = (kind: 'schema' | 'table', text: string): boolean =>
    (config[`${kind}.include.list`] === undefined || matchesOne(config[`${kind}.include.list`], text)) && !matchesOne(config[`${kind}.exclude.list`], text);
  return within('schema', schema) && within('table', name);
};

/** A pattern that is only a name. */
export const plainName = (pattern: string): string | undefined => {
  const name = pattern.replaceAll('\\.', '.');
  return /[\\^$*+?()[\]{}|]/.test(name) ? undefined : name;
};

/** The connector's topic of `schema.table`. Reroutes by transforms are not followed. */
export const topicOf = (config: Config, name: string): string => `${config['topic.prefix'] ?? ''}.${name}`.replaceAll(/[^a-zA-Z0-9._-]/g, '_');

/** Whether Connect makes the topic with compaction: by the first group that has it, else by the default. */
export const isCompacted = (config: Config, topic: string): boolean => {
  const has = (key: string): boolean => (config[key] ?? '').split(',').some((pattern) => isReadable(pattern) && new RegExp(`^(?:${pattern.trim()})$`).test(topic));
  const groups = (config['topic.creation.groups'] ?? '').split(',').map((group) => group.trim()).filter((group) => group !== '');
  const group = groups.find((name) => has(`topic.creation.${name}.include`) && !has(`topic.creation.${name}.exclude`)) ?? 'default';
  return (config[`topic.creation.${group}.cleanup.policy`] ?? '').split(',').some((policy) => policy.trim() === 'compact');
};
