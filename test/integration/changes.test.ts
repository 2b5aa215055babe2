/** Every kind of change, from SQL through Debezium and a worker, in each of the shapes that the connector can write. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import {
  changes, debezium, dedupe, inserts, json, leftJoin, map, schema, stream, table, to, topology, upserts, type Change, type DebeziumShape, type End, type Operator, type Stream, type Topology,
} from 'millrace/topology';
import type { RunHandle } from 'millrace';
import { kafka } from 'millrace/sinks';
import { Capture } from './support/capture.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';
import { expectedOf, LARGE, SHAPES, type ShapeName } from './changes/facts.ts';

interface Row {
  readonly id: number;
  readonly note: string;
  readonly large: string | null;
}

const rowSchema = schema<Row>({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'int' }, { name: 'note', type: 'string' }, { name: 'large', type: ['null', 'string'], default: null }] });
const short = ({ id, note, large }: Row): string => `${id} ${note}${large === null ? '' : ` ${large.length}`}`;

const TRANSFORM = { transforms: 'flat', 'transforms.flat.type': 'io.debezium.transforms.ExtractNewRecordState', 'transforms.flat.add.fields': 'op,lsn,source.ts_us,source.snapshot' } as const;
const TRANSFORMS: Readonly<Record<ShapeName, Readonly<Record<string, string>>>> = {
  envelope: { 'provide.transaction.metadata': 'true', 'heartbeat.interval.ms': '500' },
  flattened: TRANSFORM,
  rewritten: { ...TRANSFORM, 'transforms.flat.delete.tombstone.handling.mode': 'rewrite-with-tombstone' },
};

/**
 * All steps for changes on one captured table, each into a topic of its own; and the table itself, asked by a topic of keys. A record that is a dead letter of one step is taken back from
 * all steps of its stage, so that upserts, which has one more, is on its own.
 */
const stepsOn = (lab: Lab, source: string, shape: DebeziumShape): readonly Topology[] => {
  const codec = debezium(rowSchema, { shape });
  const rows = stream(source, codec);
  const out = (name: string, operator: Operator<Change<Row>, unknown, string, unknown>): End => rows.pipe(operator, to(name, kafka(`${lab.app}.${name}`, json<string>())));
  const probes = stream(`${lab.app}.probes`, json<number>());
  return [topology(lab.app,
    out('inserts', (all: Stream<Change<Row>, unknown>) => all.pipe(inserts({ snapshot: 'include' }), map(short))),
    out('changes', (all: Stream<Change<Row>, unknown>) => all.pipe(changes({ snapshot: 'include' }), map((change) => `${change.type}${change.row === null ? '' : ` ${short(change.row)}`}`))),
    out('dedupe', (all: Stream<Change<Row>, unknown>) => all.pipe(dedupe('seen'), map((change) => change.op))),
    probes.pipe(leftJoin(table(source, codec, { key: 'id' }), (id) => id), map(([id, row]) => (row === null ? `${id} is not there` : short(row))), to('table', kafka(`${lab.app}.table`, json<string>()))),
  ), topology(`${lab.app}-upserts`,
    out('upserts', (all: Stream<Change<Row>, unknown>) => all.pipe(upserts({ key: 'id' }), map((upsert) => `${upsert.type} ${upsert.row === null ? upsert.key : short(upsert.row)}`))),
  )];
};

describe('the changes of a table', function () {
  this.timeout(120_000);
  const capture = new Capture('changestest');
  const handles = new Handles();
  const main = `${capture.name}a`;
  const full = `${capture.name}f`;
  const signal = `${capture.name}s`;
  const labs = new Map<ShapeName, Lab>(SHAPES.map((shape) => [shape, new Lab(`changes-${shape}`)]));
  const fullLab = new Lab('changes-full');
  const foreignLab = new Lab('changes-foreign');
  const workers = new Map<ShapeName, RunHandle>();
  let prefix = '';
  const lines = (lab: Lab, name: string): Promise<string[]> => lab.readJson<string>(`${lab.app}.${name}`);
  const letters = async (lab: Lab): Promise<readonly string[]> => {
    const topics = (await (await lab.admin()).listTopics()).filter((topic) => topic.startsWith(`${lab.app}-`) && topic.endsWith('-dlq'));
    const records = (await Promise.all(topics.map((topic) => lab.read(topic)))).flat();
    return records.map(({ headers }) => `${headers['__millrace.errors.node'] ?? 'reading'}: ${headers['__streams.errors.message']}`);
  };

  before(async () => {
    await capture.client.connect();
    for (const name of [main, full]) await capture.sql(`CREATE TABLE ${name} (id int PRIMARY KEY, note text NOT NULL, large text)`);
    await capture.sql(`CREATE TABLE ${signal} (id text PRIMARY KEY, type text NOT NULL, data text)`);
    await capture.sql(`ALTER TABLE ${full} REPLICA IDENTITY FULL`);
    await capture.sql(`INSERT INTO ${main} VALUES (1, 'first', NULL)`);
    const common = { 'skipped.operations': 'none', 'signal.data.collection': `public.${signal}` };
    await Promise.all(SHAPES.map(async (shape) => {
      const name = await capture.connector(shape.slice(0, 1), [main, full, signal], { ...common, ...TRANSFORMS[shape] });
      if (shape === 'envelope') prefix = name;
      const source = `${name}.public.${main}`;
      const lab = labs.get(shape)!;
      await capture.records(source, 1);
      await lab.topic('probes', 1);
      const [handle] = stepsOn(lab, source, shape).map((steps) => handles.start(steps).handle);
      workers.set(shape, handle!);
    }));
    await run();
  });

  const everywhere = async (name: string, holds: (of: readonly string[]) => boolean): Promise<void> => {
    for (const lab of labs.values()) await eventually(async () => holds(await lines(lab, name)), () => `${name} of ${lab.app}`);
  };

  const run = async (): Promise<void> => {
    await capture.sql(`INSERT INTO ${main} VALUES (2, 'second', NULL)`);
    await capture.sql(`UPDATE ${main} SET note = 'changed' WHERE id = 2`);
    await capture.sql(`UPDATE ${main} SET id = 3 WHERE id = 2`);
    await capture.sql(`DELETE FROM ${main} WHERE id = 1`);
    await capture.sql(`INSERT INTO ${main} VALUES (4, 'wide', (${LARGE}))`);
    await capture.sql(`UPDATE ${main} SET note = 'wider' WHERE id = 4`);
    await capture.sql(`INSERT INTO ${full} VALUES (1, 'first', (${LARGE}))`);
    await capture.sql(`BEGIN; UPDATE ${full} SET note = 'changed'; INSERT INTO ${full} VALUES (2, 'second', NULL); DELETE FROM ${full} WHERE id = 1; COMMIT`);
    await capture.sql(`INSERT INTO ${main} VALUES (8, 'moved', (${LARGE}))`);
    // Without the large value: Debezium makes a delete and a create of it.
    await capture.sql(`UPDATE ${main} SET id = 9 WHERE id = 8`);
    await capture.sql(`INSERT INTO ${main} VALUES (5, 'middle', NULL)`);
    await everywhere('upserts', (of) => of.includes('upsert 5 middle'));
    for (const lab of labs.values()) await lab.send(`${lab.app}.probes`, [1, 2, 3, 4, 5, 8, 9].map((id) => ({ key: null, value: String(id) })));
    await everywhere('table', (of) => of.length === 7);
    await capture.sql(`TRUNCATE ${main}`);
    await capture.sql(`INSERT INTO ${main} VALUES (6, 'last', NULL)`);
    await everywhere('upserts', (of) => of.includes('upsert 6 last'));
    await capture.sql(`INSERT INTO ${signal} VALUES ('again', 'execute-snapshot', '{"data-collections": ["public.${main}"], "type": "incremental"}')`);
    await everywhere('upserts', (of) => of.filter((line) => line === 'upsert 6 last').length === 2);
    for (const lab of labs.values()) await lab.send(`${lab.app}.probes`, [5, 6].map((id) => ({ key: null, value: String(id) })));
    await everywhere('table', (of) => of.length === 9);
  };

  after(async () => {
    await handles.stop();
    await Promise.all([...labs.values(), fullLab, foreignLab].map((lab) => lab.close()));
    await capture.close();
  });

  for (const shape of SHAPES) {
    const expected = expectedOf(shape);
    for (const name of ['inserts', 'changes', 'upserts', 'dedupe', 'table'] as const) {
      it(`are told by ${name}, in the shape ${shape}`, async () => expect(await lines(labs.get(shape)!, name)).to.deep.equal(expected[name]));
    }
    it(`leave a table without a large value under its changed primary key, and counted, in the shape ${shape}`, () => {
      const [figures] = workers.get(shape)!.figures().tables;
      expect([figures!.valuesUnavailable, figures!.unreadable]).to.deep.equal([1, 0]);
    });
    it(`that cannot be told are dead letters, in the shape ${shape}`, async () => {
      const seen = (await letters(labs.get(shape)!)).map((line) => line.replace(/^stream\([^)]*\) > /, ''));
      expect(seen.map((line) => expected.letters.find((letter) => line.startsWith(letter)) ?? line).sort()).to.deep.equal(expected.letters);
    });
  }

  it('have their old row, and their place in the transaction, when the table and the connector give them', async () => {
    const source = `${prefix}.public.${full}`;
    const rows = stream(source, debezium(rowSchema));
    const told = rows.pipe(
      changes({ snapshot: 'exclude', identity: 'full' }),
      map(({ type, row, before: old, transaction }) => `${transaction!.totalOrder}/${transaction!.dataCollectionOrder} ${type}: ${old === null ? '-' : short(old)} > ${row === null ? '-' : short(row)}`),
    );
    handles.start(topology(fullLab.app, told.pipe(to('told', kafka(`${fullLab.app}.told`, json<string>())))));
    await eventually(async () => (await lines(fullLab, 'told')).length >= 4, () => 'four changes');
    expect(await lines(fullLab, 'told')).to.deep.equal(['1/1 insert: - > 1 first 9600', '1/1 update: 1 first 9600 > 1 changed 9600', '2/2 insert: - > 2 second', '3/3 delete: 1 changed 9600 > -']);
    expect(await letters(fullLab)).to.deep.equal([]);
  });

  it('are not what else the connector writes: each is a dead letter that says what it is', async () => {
    const foreign = [`${prefix}.transaction`, `__debezium-heartbeat.${prefix}`];
    const ends = foreign.map((topic, i) => stream(topic, debezium(rowSchema)).pipe(inserts({ snapshot: 'include' }), map(short), to(`none${i}`, kafka(`${foreignLab.app}.none${i}`, json<string>()))));
    handles.start(topology(foreignLab.app, ...ends));
    const kinds = async (): Promise<readonly unknown[]> => [...new Set((await letters(foreignLab)).map((line) => /this is ([^,]+), not a change of a row/.exec(line)?.[1] ?? line))].sort();
    await eventually(async () => (await kinds()).length >= 2, () => 'dead letters of two kinds');
    expect(await kinds()).to.deep.equal(['a heartbeat of the connector', "a marker of a transaction's begin or end"]);
  });
});
