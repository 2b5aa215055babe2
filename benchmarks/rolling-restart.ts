/**
 * What restarting each of three workers costs without static membership, by SIGTERM and by SIGKILL, on the Kafka of
 * MILLRACE_KAFKA_BROKERS: `node benchmarks/rolling-restart.ts [rounds]`. Prints a table; docs/decisions/0009 has one.
 */
import { RestartLab, type Restart } from '../test/integration/support/restarts.ts';

const PARTITIONS = 12;
const WORKERS = 3;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const of = (values: readonly number[]): string => `${median(values)} / ${Math.max(...values)}`;

const rowOf = (signal: string, restarts: readonly Restart[]): string => [
  signal, restarts.length, of(restarts.map(({ rebalances }) => rebalances)), of(restarts.flatMap(({ movedMs }) => movedMs)), of(restarts.flatMap(({ keptMs }) => keptMs)),
  of(restarts.map(({ settledMs }) => settledMs)), restarts.reduce((sum, { disturbed }) => sum + disturbed.length, 0),
  `${restarts.reduce((sum, { after, before }) => sum + after.filter((p) => before.includes(p)).length, 0)} of ${restarts.reduce((sum, { before }) => sum + before.length, 0)}`,
].join(' | ');

const rounds = Number(process.argv[2] ?? 1);
const lab = new RestartLab('rolling', PARTITIONS);
try {
  await lab.begin();
  const rows: string[] = [];
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const restarts: Restart[] = [];
    for (let i = 0; i < rounds * WORKERS; i += 1) restarts.push(await lab.restart(i % WORKERS, signal));
    rows.push(`| ${rowOf(signal, restarts)} |`);
  }
  const counted = await lab.drain();
  process.stdout.write([
    '| signal | restarts | rebalances, median / max | moved tasks stood still, ms | kept tasks stood still, ms | all open as before, ms | kept tasks that were disturbed | tasks that came back |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |', ...rows, '', `${lab.sent} records sent, ${counted} counted`, '',
  ].join('\n'));
} finally {
  await lab.close();
}
