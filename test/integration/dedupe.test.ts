/**
 * Connectors that are killed under load send changes again: with dedupe nothing is lost and nothing comes twice, and what keeps the latest row per key is as the table in PostgreSQL. One connector sends
 * whole envelopes, one flattened rows.
 */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { debezium, dedupe, json, keyBy, leftJoin, map, schema, stream, table, to, topology, upserts, type DebeziumShape, type End, type Topology } from 'millrace/topology';
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

const ROUNDS_BEFORE_KILL = 40;
const ROUNDS_AFTER_KILL = 20;
const MAX_ROUNDS = 1_000;
const ROWS_A_ROUND = 8;
const FLATTEN = { transforms: 'flat', 'transforms.flat.type': 'io.debezium.transforms.ExtractNewRecordState', 'transforms.flat.add.fields': 'op,lsn' } as const;
const CONNECTORS: Readonly<Record<'envelope' | 'flattened', Readonly<Record<string, string>>>> = { envelope: {}, flattened: FLATTEN };
const SHAPES = ['envelope', 'flattened'] as const;
/** Stands for a row that is not there. */
const GONE = 0;
const rowSchema = schema<Row>({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'long' }, { name: 'version', type: 'int' }] });

/** The source topic of each shape through dedupe and through upserts, and the tables of both asked by a topic of ids. */
const topologyOf = (app: string, sources: ReadonlyMap<string, string>): Topology => {
  const ends = (shape: DebeziumShape, source: string): readonly End[] => {
    const rows = stream(source, debezium(rowSchema, { shape }));
    return [
      rows.pipe(
        dedupe(`seen-${shape}`),
        map(({ op, after: row, before: old }, { key }) => (row === null ? `${op} ${old?.id ?? String(key)}` : `${op} ${row.id} ${row.version}`)),
        to(`clean-${shape}`, kafka(`${app}.clean-${shape}`, json<string>())),
      ),
      rows.pipe(upserts({ key: 'id' }), keyBy(({ key }) => String(key)), map(({ row }) => row?.version ?? GONE), to(`latest-${shape}`, kafka(`${app}.latest-${shape}`, json<number>()))),
    ];
  };
  const [envelope, flattened] = SHAPES.map((shape) => table(sources.get(shape)!, debezium(rowSchema, { shape }), { key: 'id' }));
  return topology(app, ...[...sources].flatMap(([shape, source]) => ends(shape as DebeziumShape, source)), stream(`${app}.probes`, json<number>()).pipe(
    leftJoin(envelope!, (id) => BigInt(id)),
    leftJoin(flattened!, ([id]) => BigInt(id)),
    map(([[id, row], flat]): readonly number[] => [id, row?.version ?? GONE, flat?.version ?? GONE]),
    to('rows', kafka(`${app}.rows`, json<readonly number[]>())),
  ));
};

describe('a Connect worker that is killed under load', function () {
  this.timeout(240_000);
  const capture = new Capture('dedupetest');
  const lab = new Lab('dedupe');
  const handles = new Handles();
  const captured = `${capture.name}t`;
  const sources = new Map<(typeof SHAPES)[number], string>();
  const expected: string[] = [];
  /** Id -> version, of every id that there ever was. */
  const rows = new Map<number, number>();
  let connect: ConnectWorker;

  /** A transaction that stays open while another one writes and commits: its changes come later though their positions are lower. Each also gives a row another primary key. */
  const round = async (other: pg.Client, n: number): Promise<void> => {
    const ids = Array.from({ length: ROWS_A_ROUND }, (_, i) => n * ROWS_A_ROUND + i);
    const [slow, quick] = [ids.slice(0, ROWS_A_ROUND / 2), ids.slice(ROWS_A_ROUND / 2)];
    const moved = [slow[1]!, quick[1]!];
    const write = async (client: pg.Client, text: string, values: readonly unknown[]): Promise<void> => void await client.query(text, [...values]);
    await other.query('BEGIN');
    await write(other, `INSERT INTO ${captured} SELECT id, 1 FROM unnest($1::bigint[]) id`, [slow]);
    await write(capture.client, `INSERT INTO ${captured} SELECT id, 1 FROM unnest($1::bigint[]) id`, [quick]);
    await write(capture.client, `UPDATE ${captured} SET version = 2 WHERE id = ANY($1::bigint[])`, [quick]);
    await write(capture.client, `UPDATE ${captured} SET id = -id WHERE id = $1`, [moved[1]]);
    await write(other, `UPDATE ${captured} SET version = 2 WHERE id = ANY($1::bigint[])`, [slow]);
    await write(other, `UPDATE ${captured} SET id = -id WHERE id = $1`, [moved[0]]);
    await write(other, `DELETE FROM ${captured} WHERE id = $1`, [slow[0]]);
    await other.query('COMMIT');
    expected.push(...ids.flatMap((id) => [`c ${id} 1`, `u ${id} 2`]), `d ${slow[0]}`, ...moved.flatMap((id) => [`d ${id}`, `c ${-id} 2`]));
    for (const id of ids) rows.set(id, id === slow[0] || moved.includes(id) ? GONE : 2);
    for (const id of moved) rows.set(-id, 2);
  };

  const isDelete = (line: string): boolean => line.startsWith('d ');
  const lines = (shape: string): Promise<string[]> => lab.readJson<string>(`${lab.app}.clean-${shape}`);
  const latest = async (shape: string): Promise<ReadonlyMap<number, number>> => new Map((await lab.read(`${lab.app}.latest-${shape}`)).map(({ key, value }) => [Number(JSON.parse(key!)), Number(String(value))]));
  const sorted = (of: Iterable<readonly [number, number]>): readonly (readonly [number, number])[] => [...of].toSorted(([x], [y]) => x - y);

  before(async () => {
    await capture.client.connect();
    await capture.sql(`CREATE TABLE ${captured} (id bigint PRIMARY KEY, version int NOT NULL)`);
    connect = await ConnectWorker.make({ 'offset.flush.interval.ms': '2500' });
    const begin = async (): Promise<readonly string[]> => {
      await connect.start();
      return Promise.all(SHAPES.map((shape) => capture.connector(shape[0]!, [captured], { 'topic.creation.default.partitions': '3', 'heartbeat.interval.ms': '200', ...CONNECTORS[shape] }, connect.url)));
    };
    const names = await begin();
    SHAPES.forEach((shape, i) => sources.set(shape, `${names[i]}.public.${captured}`));
    const other = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
    await other.connect();
    await round(other, 0);
    // Nothing that was sent before its first offset is committed would be told as the same again: it would be read by another snapshot.
    const offsetsOf = async (name: string): Promise<string> => JSON.stringify(((await (await fetch(`${connect.url}/connectors/${name}/offsets`)).json()) as { readonly offsets?: readonly unknown[] }).offsets ?? []);
    for (const name of names) await eventually(async () => (await offsetsOf(name)) !== '[]', () => `an offset of the connector ${name}`);
    const marks = new Map<string, { readonly offsets: string; readonly count: number }>();
    /** Whether each connector has sent what its offsets do not cover, so that it will send it again. */
    const ahead = async (): Promise<boolean> => {
      let all = true;
      for (const name of names) {
        const [offsets, count] = [await offsetsOf(name), await lab.count(`${name}.public.${captured}`)];
        const mark = marks.get(name);
        if (mark?.offsets !== offsets) marks.set(name, { offsets, count });
        all = all && mark?.offsets === offsets && count > mark.count;
      }
      return all;
    };
    await lab.topic('probes', 1);
    handles.start(topologyOf(lab.app, sources), { settings: { commitIntervalMs: 50 } });
    let n = 1;
    for (; n < ROUNDS_BEFORE_KILL || !(await ahead()); n += 1) {
      if (n > MAX_ROUNDS) throw new Error('in vain: changes that were sent and not noted down');
      await round(other, n);
    }
    const killing = connect.kill();
    for (const end = n + ROUNDS_AFTER_KILL; n < end; n += 1) await round(other, n);
    await killing;
    await other.end();
    await begin();
    // What is repeated stands in front of what is new.
    for (const shape of SHAPES) {
      const topic = `${lab.app}.clean-${shape}`;
      await eventually(async () => (await lab.count(topic)) >= expected.length && new Set(await lines(shape)).size >= expected.length, () => `every change, ${shape}`, 90_000);
    }
    await lab.send(`${lab.app}.probes`, [...rows.keys()].map((id) => ({ key: null, value: String(id) })));
    await eventually(async () => (await lab.count(`${lab.app}.rows`)) >= rows.size && (await lab.readJson(`${lab.app}.rows`)).length >= rows.size, () => 'a row, or none, for each id');
  });

  after(async () => {
    await handles.stop();
    await lab.close();
    await capture.close();
    await connect.close();
  });

  for (const shape of SHAPES) {
    it(`repeats changes on its topic, in the shape ${shape}`, async () => {
      const values = (await lab.read(sources.get(shape)!)).filter(({ value }) => value !== null);
      expect(values.length).to.be.above(expected.filter((line) => shape === 'envelope' || !isDelete(line)).length);
    });
  }

  it('loses nothing and doubles nothing behind dedupe', async () => {
    expect((await lines('envelope')).toSorted()).to.deep.equal(expected.toSorted());
  });

  it('loses nothing of flattened rows and doubles none but their tombstones, which have no position', async () => {
    const all = await lines('flattened');
    expect(all.filter((line) => !isDelete(line)).toSorted()).to.deep.equal(expected.filter((line) => !isDelete(line)).toSorted());
    expect([...new Set(all.filter(isDelete))].toSorted()).to.deep.equal(expected.filter(isDelete).toSorted());
  });

  it('leaves upserts and tables with the rows that PostgreSQL has, under changed primary keys too', async () => {
    const inPostgres = new Map((await capture.sql(`SELECT id, version FROM ${captured}`)).map(({ id, version }) => [Number(id), Number(version)]));
    const truth = sorted([...rows.keys()].map((id) => [id, inPostgres.get(id) ?? GONE] as const));
    expect(sorted(rows), 'what was written').to.deep.equal(truth);
    for (const shape of SHAPES) expect(sorted(await latest(shape)), `upserts, ${shape}`).to.deep.equal(truth);
    const joined = await lab.readJson<readonly [number, number, number]>(`${lab.app}.rows`);
    expect(sorted(joined.map(([id, row]) => [id, row])), 'table, envelope').to.deep.equal(truth);
    expect(sorted(joined.map(([id, , row]) => [id, row])), 'table, flattened').to.deep.equal(truth);
  });
});
