/** A connector that is killed under load sends changes again: with dedupe nothing is lost and nothing comes twice. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { debezium, dedupe, json, map, schema, stream, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { Capture } from './support/capture.ts';
import { ConnectWorker } from './support/connect-worker.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';
import { stack } from './support/stack.ts';

interface Row {
  readonly id: bigint;
  readonly version: number;
}

const ROUNDS = 60;
const ROWS_A_ROUND = 8;
const KILLED_AFTER_ROUNDS = 40;
const rowSchema = schema<Row>({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'long' }, { name: 'version', type: 'int' }] });

describe('a Connect worker that is killed under load', function () {
  this.timeout(240_000);
  const capture = new Capture('dedupetest');
  const lab = new Lab('dedupe');
  const handles = new Handles();
  const table = `${capture.name}t`;
  const expected: string[] = [];
  let connect: ConnectWorker;
  let source = '';

  /** A transaction that stays open while another one writes and commits: its changes come later though their positions are lower. */
  const round = async (other: pg.Client, n: number): Promise<void> => {
    const ids = Array.from({ length: ROWS_A_ROUND }, (_, i) => n * ROWS_A_ROUND + i);
    const [slow, quick] = [ids.slice(0, ROWS_A_ROUND / 2), ids.slice(ROWS_A_ROUND / 2)];
    await other.query('BEGIN');
    await other.query(`INSERT INTO ${table} SELECT id, 1 FROM unnest($1::bigint[]) id`, [slow]);
    await capture.client.query(`INSERT INTO ${table} SELECT id, 1 FROM unnest($1::bigint[]) id`, [quick]);
    await capture.client.query(`UPDATE ${table} SET version = 2 WHERE id = ANY($1::bigint[])`, [quick]);
    await other.query(`UPDATE ${table} SET version = 2 WHERE id = ANY($1::bigint[])`, [slow]);
    await other.query(`DELETE FROM ${table} WHERE id = $1`, [slow[0]]);
    await other.query('COMMIT');
    expected.push(...ids.flatMap((id) => [`c ${id} 1`, `u ${id} 2`]), `d ${slow[0]}`);
  };

  const sent = async (): Promise<number> => (await lab.count(source)) - expected.filter((line) => line.startsWith('d ')).length;

  before(async () => {
    await capture.client.connect();
    await capture.sql(`CREATE TABLE ${table} (id bigint PRIMARY KEY, version int NOT NULL)`);
    connect = await ConnectWorker.make({ 'offset.flush.interval.ms': '2500' });
    const begin = async (): Promise<string> => {
      await connect.start();
      return capture.connector('c', [table], { 'topic.creation.default.partitions': '3', 'heartbeat.interval.ms': '200' }, connect.url);
    };
    const name = await begin();
    source = `${name}.public.${table}`;
    const other = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
    await other.connect();
    await round(other, 0);
    // Nothing that was sent before its first offset is committed would be told as the same again: it would be read by another snapshot.
    const committed = async (): Promise<boolean> => ((await (await fetch(`${connect.url}/connectors/${name}/offsets`)).json()) as { readonly offsets?: readonly unknown[] }).offsets?.length === 1;
    await eventually(committed, () => 'an offset of the connector');
    handles.start(topology(lab.app, stream(source, debezium(rowSchema)).pipe(
      dedupe('seen'),
      map(({ op, after: row, before: old }) => (row === null ? `${op} ${old?.id}` : `${op} ${row.id} ${row.version}`)),
      to('clean', kafka(`${lab.app}.clean`, json<string>())),
    )), { settings: { commitIntervalMs: 50 } });
    for (let n = 1; n < KILLED_AFTER_ROUNDS; n += 1) await round(other, n);
    await eventually(async () => (await sent()) > expected.length / 2, () => 'half of the load on the topic');
    const killing = connect.kill();
    for (let n = KILLED_AFTER_ROUNDS; n < ROUNDS; n += 1) await round(other, n);
    await killing;
    await other.end();
    await begin();
    await eventually(async () => (await lab.count(`${lab.app}.clean`)) >= expected.length, () => 'as many changes', 90_000);
    // What is repeated stands in front of what is new.
    await eventually(async () => (await lab.readJson(`${lab.app}.clean`)).length >= expected.length, () => 'every change', 90_000);
  });

  after(async () => {
    await handles.stop();
    await lab.close();
    await capture.close();
    await connect.close();
  });

  it('repeats changes on its topic', async () => {
    const values = (await lab.read(source)).filter(({ value }) => value !== null);
    expect(values.length).to.be.above(expected.length);
  });

  it('loses nothing and doubles nothing behind dedupe', async () => {
    const clean = await lab.readJson<string>(`${lab.app}.clean`);
    expect(clean.toSorted()).to.deep.equal(expected.toSorted());
  });
});
