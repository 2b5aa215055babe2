/** The sink's table: made when it is absent, given the columns that were added, left alone when it differs otherwise. */
import type { BigQuery, Table, TableField, TableMetadata } from '@google-cloud/bigquery';
import { StopError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { BigQuerySink } from '../../../topology/sinks.ts';
import { bigqueryError, statusOf } from './errors.ts';

const LEGACY_TYPES: Readonly<Record<string, string>> = { INTEGER: 'INT64', FLOAT: 'FLOAT64', BOOLEAN: 'BOOL', DECIMAL: 'NUMERIC', BIGDECIMAL: 'BIGNUMERIC' };

export interface TableName {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

/** `dataset.table` or `project.dataset.table`; a project's id may hold dots of its own. */
export const parseTableName = (name: string, defaultProject: string): TableName => {
  const parts = name.split('.');
  const table = parts.pop()!;
  const dataset = parts.pop()!;
  return { project: parts.length === 0 ? defaultProject : parts.join('.'), dataset, table };
};

export const tableOf = (client: BigQuery, { project, dataset, table }: TableName): Table => client.dataset(dataset, { projectId: project }).table(table);

const typeName = (type: string | undefined): string => LEGACY_TYPES[type ?? ''] ?? type ?? '';

const partitioning = (sink: BigQuerySink): string => (sink.partitionBy === null ? 'not partitioned' : `${sink.partitionBy.unit} of ${sink.partitionBy.column}`);

/** What in an existing table contradicts the sink. */
export const tableDifferences = (sink: BigQuerySink, metadata: TableMetadata): string[] => {
  const fields = fieldsOf(metadata);
  const differences: string[] = [];
  for (const field of fields) {
    const declared = sink.columns[field.name ?? ''];
    if (declared === undefined) {
      if (field.mode === 'REQUIRED') differences.push(`column ${field.name} is REQUIRED in the table and no column of the sink`);
    } else if (typeName(field.type) !== declared) {
      differences.push(`column ${field.name} is ${typeName(field.type)} in the table and ${declared} in the sink`);
    } else if (field.mode === 'REPEATED') {
      differences.push(`column ${field.name} is REPEATED in the table`);
    }
  }
  const now = metadata.timePartitioning;
  const there = now === undefined ? 'not partitioned' : `${now.type} of ${now.field ?? 'ingestion time'}`;
  if (there !== partitioning(sink)) differences.push(`the table is partitioned by ${there}, the sink by ${partitioning(sink)}`);
  return differences;
};

const fieldsOf = (metadata: TableMetadata): readonly TableField[] => ((metadata.schema as { readonly fields?: readonly TableField[] } | undefined)?.fields ?? []);

const schemaOf = (sink: BigQuerySink, names: readonly string[]): { name: string; type: string; mode: string }[] =>
  names.map((name) => ({ name, type: sink.columns[name]!, mode: 'NULLABLE' }));

const create = async (client: BigQuery, sink: BigQuerySink, name: TableName): Promise<void> => {
  const dataset = client.dataset(name.dataset, { projectId: name.project });
  const metadata = {
    schema: { fields: schemaOf(sink, Object.keys(sink.columns)) },
    ...(sink.partitionBy === null ? {} : { timePartitioning: { type: sink.partitionBy.unit, field: sink.partitionBy.column } }),
    ...(sink.clusterBy.length === 0 ? {} : { clustering: { fields: [...sink.clusterBy] } }),
  };
  const ignoreExisting = (thrown: unknown): void => {
    if (statusOf(thrown) !== 409) throw thrown;
  };
  try {
    await dataset.createTable(name.table, metadata).catch((thrown: unknown) => {
      if (statusOf(thrown) !== 404) throw thrown;
      return dataset.create().catch(ignoreExisting).then(() => dataset.createTable(name.table, metadata));
    }).catch(ignoreExisting);
  } catch (thrown) {
    throw bigqueryError(thrown, `the creation of table ${sink.table}`);
  }
};

const evolve = async (table: Table, sink: BigQuerySink, metadata: TableMetadata, log: Logger): Promise<void> => {
  const differences = tableDifferences(sink, metadata);
  if (differences.length > 0) {
    throw new StopError(`BigQuery table ${sink.table} does not fit the sink: ${differences.join('; ')}`, { hint: 'Name another table, or change this one by hand' });
  }
  const clustering = (metadata.clustering?.fields ?? []).join(', ');
  if (clustering !== sink.clusterBy.join(', ')) log.warn('BigQuery table is clustered otherwise than the sink says; it stays so', { table: sink.table });
  const fields = fieldsOf(metadata);
  const present = new Set(fields.map((field) => field.name));
  const added = Object.keys(sink.columns).filter((name) => !present.has(name));
  if (added.length === 0) return;
  try {
    await table.setMetadata({ schema: { fields: [...fields, ...schemaOf(sink, added)] } });
  } catch (thrown) {
    throw bigqueryError(thrown, `new columns in table ${sink.table}`);
  }
  log.info('Columns added to the BigQuery table', { table: sink.table, columns: added });
};

/** Brings the table to what the sink says. Rejects with `StopError`, listing the differences, when that would change what is there. */
export const ensureTable = async (client: BigQuery, sink: BigQuerySink, name: TableName, log: Logger): Promise<void> => {
  const table = tableOf(client, name);
  const read = async (): Promise<TableMetadata | null> => {
    try {
      const [metadata] = await table.getMetadata();
      return metadata as TableMetadata;
    } catch (thrown) {
      if (statusOf(thrown) === 404) return null;
      throw bigqueryError(thrown, `a look at table ${sink.table}`);
    }
  };
  const metadata = await read();
  if (metadata !== null) return evolve(table, sink, metadata, log);
  await create(client, sink, name);
  const created = await read();
  if (created !== null) await evolve(table, sink, created, log);
};
