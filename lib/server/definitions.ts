import type { HistogramFigures } from '../core/histogram.ts';
import type { BreakerState, StageFigures, TableFigures, WorkerFigures } from '../core/metrics.ts';
import type { SlotHealth } from './slots.ts';

/** Labels name parts of the topology, or a replication slot; what comes with records (keys, users, messages) is never one. */
export type LabelName = 'app' | 'worker' | 'version' | 'node' | 'stage' | 'sink' | 'reason' | 'topic' | 'slot';

export type Labels = Readonly<Partial<Record<LabelName, string>>>;

export interface Series<V> {
  readonly labels: Labels;
  readonly value: V;
}

interface Definition<Type extends string, V> {
  readonly name: string;
  readonly type: Type;
  /** What one of the values counts or measures; Prometheus base units. */
  readonly unit: 'records' | 'seconds' | 'tasks' | 'rows' | 'batches' | 'attempts' | 'joins' | 'transactions' | 'state' | 'bytes' | '1';
  readonly labels: readonly LabelName[];
  readonly about: string;
  series(of: Subject): readonly Series<V>[];
}

export type MetricDefinition = Definition<'counter' | 'gauge', number> | Definition<'histogram', HistogramFigures>;

/** What the metrics are about. */
export interface Subject {
  readonly app: string;
  readonly version: string;
  readonly node: string;
  readonly ready: boolean;
  readonly figures: WorkerFigures;
  /** Null: PostgreSQL was asked and did not answer; undefined: nobody asks it, or it has had no time to answer yet. */
  readonly slots: readonly SlotHealth[] | null | undefined;
}

/** Breaker states as numbers; a dashboard maps them back. */
export const BREAKER_NUMBERS: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

const perStage = <V>(value: (stage: StageFigures) => V | null) => ({ figures }: Subject): readonly Series<V>[] =>
  figures.stages.flatMap((stage) => {
    const found = value(stage);
    return found === null ? [] : [{ labels: { stage: stage.stage }, value: found }];
  });

const perSink = <V>(value: (stage: StageFigures) => V | null) => ({ figures }: Subject): readonly Series<V>[] =>
  figures.stages.flatMap((stage) => {
    const found = stage.sink === null ? null : value(stage);
    return found === null ? [] : [{ labels: { sink: stage.sink! }, value: found }];
  });

/** A topic that two tables read has one series, the larger. */
const perTable = (value: (table: TableFigures) => number) => ({ figures }: Subject): readonly Series<number>[] => {
  const values = new Map<string, number>();
  for (const table of figures.tables) values.set(table.topic, Math.max(values.get(table.topic) ?? 0, value(table)));
  return [...values].map(([topic, most]) => ({ labels: { topic }, value: most }));
};

type Unit = MetricDefinition['unit'];

const counter = (name: string, unit: Unit, about: string, value: (stage: StageFigures) => number): MetricDefinition =>
  ({ name, type: 'counter', unit, labels: ['stage'], about, series: perStage(value) });
const gauge = (name: string, unit: Unit, about: string, value: (stage: StageFigures) => number | null): MetricDefinition =>
  ({ name, type: 'gauge', unit, labels: ['stage'], about, series: perStage(value) });
const histogram = (name: string, about: string, value: (stage: StageFigures) => HistogramFigures): MetricDefinition =>
  ({ name, type: 'histogram', unit: 'seconds', labels: ['stage'], about, series: perStage(value) });
const sinkCounter = (name: string, unit: Unit, about: string, value: (stage: StageFigures) => number): MetricDefinition =>
  ({ name, type: 'counter', unit, labels: ['sink'], about, series: perSink(value) });
const sinkHistogram = (name: string, about: string, value: (stage: StageFigures) => HistogramFigures): MetricDefinition =>
  ({ name, type: 'histogram', unit: 'seconds', labels: ['sink'], about, series: perSink(value) });

const worker: readonly MetricDefinition[] = [
  {
    name: 'millrace_build_info', type: 'gauge', unit: '1', labels: ['app', 'worker', 'version', 'node'],
    about: 'Always 1: the topology that this process works on, its name in logs, and the versions of Millrace and Node.',
    series: ({ app, version, node, figures }) => [{ labels: { app, worker: figures.worker, version, node }, value: 1 }],
  },
  {
    name: 'millrace_worker_ready', type: 'gauge', unit: '1', labels: [],
    about: '1 when `/health/ready` answers 200: topics prepared, tables loaded, every stage in its group with its tasks open, or waiting for its outside sink. Else 0.',
    series: ({ ready }) => [{ labels: {}, value: ready ? 1 : 0 }],
  },
];

const records: readonly MetricDefinition[] = [
  counter('millrace_records_in_total', 'records', 'Records that the stage has taken from its topics. Those processed again after a failure count again.', (s) => s.recordsIn),
  counter('millrace_records_out_total', 'records', 'Records written to topics of the topology, or taken by the outside sink.', (s) => s.recordsOut),
  counter('millrace_dead_letters_total', 'records', 'Records that could not be processed, or that the sink refused: they are on the stage\'s dead-letter topic.', (s) => s.deadLetters),
  {
    name: 'millrace_records_dropped_total', type: 'counter', unit: 'records', labels: ['stage', 'reason'],
    about: 'Records that the topology drops on purpose: `tombstone`, `update`, `delete`, `no-match` (an inner join), `no-branch`, ... A reason appears with its first record.',
    series: ({ figures }) => figures.stages.flatMap(({ stage, dropped }) => Object.entries(dropped).map(([reason, value]) => ({ labels: { stage, reason }, value }))),
  },
  gauge('millrace_lag_records', 'records', 'Records of this worker\'s tasks that are not processed, committed and taken by the sink yet, up to the ends of the topics as of the last fetch; of a task that is not open, by the committed offsets. What stands in a transaction that is still open counts.', (s) => s.lagRecords),
  gauge('millrace_lag_waiting_records', 'records', 'While the stage has not joined its group, since its outside sink is down or its tables load, and no other worker is a member: records behind the committed offsets, in all partitions. Every worker that waits shows the same: take the maximum. Else 0.', (s) => s.waitingRecords),
  gauge('millrace_lag_seconds', 'seconds', 'While there is lag, of either kind: the age of the oldest record that is read and not finished, by its Kafka timestamp. Where nothing of what is behind has been read, the age of the record before it, or the time since it is known to be there. Else 0.', (s) => s.lagMs / 1_000),
];

const times: readonly MetricDefinition[] = [
  histogram('millrace_process_duration_seconds', 'One turn of a task: the records of about one fetch through the stage\'s functions, with the inner streams it waited for. Per record: divide the sum by `millrace_records_in_total`.', (s) => s.processTime),
  histogram('millrace_commit_duration_seconds', 'A commit: outputs, offsets and the end of the transaction. The count is the number of commits.', (s) => s.commitTime),
  sinkHistogram('millrace_event_age_seconds', 'End-to-end latency: how old an event was, by its event time, at the moment the outside sink had taken it. Records of a backlog or a replay are as old as they are; clocks that differ count in.', (s) => s.eventAge),
];

const sinks: readonly MetricDefinition[] = [
  sinkHistogram('millrace_sink_write_duration_seconds', 'One attempt at writing a batch to the outside sink, whatever came of it.', (s) => s.sinkWriteTime),
  sinkCounter('millrace_sink_writes_total', 'batches', 'Attempts at writing a batch to the outside sink; the records it took are `millrace_records_out_total`.', (s) => s.sinkWriteTime.count),
  sinkCounter('millrace_sink_errors_total', 'attempts', 'Attempts after which some or all records of the batch had to be written again. What a sink tries again by itself within an attempt, as the HTTP sink does, is not counted.', (s) => s.sinkErrors),
  sinkCounter('millrace_sink_refusals_total', 'records', 'Records that the sink refused for good; they are among the dead letters.', (s) => s.sinkRefusals),
  {
    name: 'millrace_sink_breaker_state', type: 'gauge', unit: 'state', labels: ['sink'],
    about: 'The sink\'s circuit breaker: 0 closed (written to), 1 half-open (one write tries), 2 open (waiting; nothing is lost).',
    series: perSink((s) => (s.breaker === null ? null : BREAKER_NUMBERS[s.breaker])),
  },
];

const tasks: readonly MetricDefinition[] = [
  counter('millrace_retries_total', 'attempts', 'Failed attempts that were tried again: at the sink, the brokers, the registry.', (s) => s.retries),
  gauge('millrace_tasks_open', 'tasks', 'Tasks that are open: they fetch and process.', (s) => s.tasks),
  gauge('millrace_tasks_assigned', 'tasks', 'Tasks that the group has given to this worker; none shown while it is no member.', (s) => s.assigned),
  gauge('millrace_tasks_paused', 'tasks', 'Tasks that stand at a record whose schema they cannot read; `/health` says which and why. They go on when a topology that reads it is deployed; nothing is lost until then.', (s) => s.paused),
  counter('millrace_rebalances_total', 'joins', 'Completed joins of the stage\'s group.', (s) => s.rebalances),
  counter('millrace_transactions_aborted_total', 'transactions', 'Tasks closed by a failure, with everything they had not committed; they open again by themselves.', (s) => s.aborts),
  counter('millrace_transactions_fenced_total', 'transactions', 'Those of them that a newer owner had shut out, or whose transaction had timed out.', (s) => s.fences),
  gauge('millrace_restore_remaining_records', 'records', 'Changelog offsets that tasks have still to read before they open: at least as many as records.', (s) => s.restoreRemaining),
  gauge('millrace_restore_remaining_seconds', 'seconds', 'How long the longest of the restores under way still takes, at its rate so far; none shown while none runs.', (s) => (s.restoreMs === null ? null : s.restoreMs / 1_000)),
  {
    name: 'millrace_table_rows', type: 'gauge', unit: 'rows', labels: ['topic'],
    about: 'Rows of a joined table in this worker.',
    series: perTable((table) => table.rows),
  },
  {
    name: 'millrace_table_paused', type: 'gauge', unit: 'state', labels: ['topic'],
    about: '1 while a joined table stands at a row whose schema it cannot read, and the stages that join with it wait. Else 0.',
    series: perTable((table) => (table.pausedBy === undefined ? 0 : 1)),
  },
  {
    name: 'millrace_table_unreadable_total', type: 'counter', unit: 'records', labels: ['topic'],
    about: 'Records of a joined table that this worker could not read since its start; the log says which and why. The table goes on with what it had for their keys: an older row, or none.',
    series: perTable((table) => table.unreadable),
  },
  {
    name: 'millrace_table_values_unavailable_total', type: 'counter', unit: '1', labels: ['topic'],
    about: 'Large values of a joined table that the connector did not send (unchanged TOAST) and that no row before had. They read null; in a column that is never null their record counts as unreadable. The table needs REPLICA IDENTITY FULL.',
    series: perTable((table) => table.valuesUnavailable),
  },
  counter('millrace_table_catchup_timeouts_total', 'batches', 'Fetched batches that went on before their tables had caught up, after `table.catchup.timeout.ms`: a transaction on a table was open.', (s) => s.catchupTimeouts),
];

const slotGauge = (name: string, unit: Unit, about: string, value: (slot: SlotHealth) => number | null): MetricDefinition => ({
  name, type: 'gauge', unit, labels: ['slot'], about,
  series: ({ slots }) => (slots ?? []).flatMap((slot) => {
    const found = value(slot);
    return found === null ? [] : [{ labels: { slot: slot.slot }, value: found }];
  }),
});

const slots: readonly MetricDefinition[] = [
  {
    name: 'millrace_slots_readable', type: 'gauge', unit: '1', labels: [],
    about: '1 when PostgreSQL at `MILLRACE_SLOTS_URL` has answered for its replication slots, else 0; none shown without that setting. A scrape does not wait for it: slots are those of the scrape before. Every worker with it shows the same slots: take the maximum.',
    series: ({ slots: found }) => (found === undefined ? [] : [{ labels: {}, value: found === null ? 0 : 1 }]),
  },
  slotGauge('millrace_slot_active', 'state', '1 while a connector reads the replication slot, else 0.', ({ active }) => (active ? 1 : 0)),
  slotGauge('millrace_slot_lost', 'state', '1 when PostgreSQL has given the slot up: what came since is not in Kafka. Else 0.', ({ walStatus }) => (walStatus === 'lost' ? 1 : 0)),
  slotGauge('millrace_slot_retained_bytes', 'bytes', 'WAL that PostgreSQL keeps for the slot, from its restart_lsn on.', (slot) => slot.retainedBytes),
  slotGauge('millrace_slot_lag_bytes', 'bytes', 'WAL that the connector has not confirmed yet.', (slot) => slot.lagBytes),
];

/** Every metric of a worker but those of its process, in the order in which they are shown. */
export const metricDefinitions: readonly MetricDefinition[] = [...worker, ...records, ...times, ...sinks, ...tasks, ...slots];
