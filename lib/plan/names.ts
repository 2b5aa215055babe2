/** What things are called in Kafka. A persistent format: a change here orphans topics, groups and transactions. */
export const names = {
  group: (app: string, stage: string): string => `${app}.${stage}`,
  repartition: (app: string, name: string): string => `${app}-${name}-repartition`,
  input: (app: string, sink: string): string => `${app}-${sink}-input`,
  changelog: (app: string, store: string): string => `${app}-${store}-changelog`,
  deadLetters: (app: string, stage: string): string => `${app}-${stage}-dlq`,
  transactionalId: (app: string, stage: string, partition: number): string => `${app}.${stage}.${partition}`,
  /** A backfill is an application of its own; where it begins and ends is kept in a topic. */
  backfill: (app: string, name: string): string => `${app}-backfill-${name}`,
  backfillRange: (backfill: string): string => `${backfill}-range`,
} as const;
