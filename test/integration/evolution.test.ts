/** Tables that are altered while rows are written and a topology reads them, through Debezium and a real registry. docs/EVOLUTION.md tells what is seen here. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { inserts, debezium, json, map, schema, stream, to, topology, type Topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { connectorStatus } from '../../lib/connect/index.ts';
import { Capture } from './support/capture.ts';
import { Handles, type Started } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';
import { stack } from './support/stack.ts';
import { EVOLUTION, type EvolutionFact, type Field } from './evolution/facts.ts';

/** Rows written before and after each change, one transaction each. */
const ROWS = 150;

interface Seen {
  readonly id: number;
  /** Absent where the topology does not read the column. */
  readonly value?: unknown;
}

type Row = { readonly id: number } & Readonly<Record<string, unknown>>;

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);

describe('a table that is altered while it is written and read', function () {
  this.timeout(120_000);
  const capture = new Capture('evolution');
  const handles = new Handles();
  const lab = new Lab('evolution');
  const connectUrl = stack.endpoints.connectUrl!;
  const tables = EVOLUTION.map((_, i) => `${capture.name}_t${i}`);
  const refusedAt = EVOLUTION.findIndex(({ refused }) => refused === true);
  const topicOf = new Map<number, string>();
  let first: Started;
  /** What each stage had put out, and why it was paused, before anything was mended. */
  let outputs: readonly (readonly Seen[])[] = [];
  let mended: readonly (readonly Seen[])[] = [];
  let refusal = '';
  let paused: readonly (string | null)[] = [];

  const insert = (client: pg.Client, i: number, id: number, values: Readonly<Record<string, string>>): Promise<unknown> =>
    client.query(`INSERT INTO ${tables[i]} (${['id', ...Object.keys(values)].join(', ')}) VALUES (${[id, ...Object.values(values)].join(', ')})`);

  /** All in one topology: a stage for each table. */
  const reading = (fieldOf: (fact: EvolutionFact) => Field | null): Topology =>
    topology(lab.app, ...EVOLUTION.map((fact, i) => {
      const field = fieldOf(fact);
      const row = schema<Row>({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'int' }, ...(field === null ? [] : [field])] });
      const seen = ({ id, ...rest }: Row): { readonly id: number; readonly value?: string | null } => ({ id, ...(field === null ? {} : { value: plain(rest[field.name]) as string | null }) });
      return stream(topicOf.get(i)!, debezium(row)).pipe(inserts({ snapshot: 'include' }), map(seen), to(`out${i}`, kafka(`${lab.app}.out${i}`, json<{ readonly id: number; readonly value?: string | null }>())));
    }));

  const all = (): Promise<Seen[][]> => Promise.all(EVOLUTION.map((_, i) => lab.readJson<Seen>(`${lab.app}.out${i}`)));
  /** The count has markers of transactions in it, too. */
  const complete = async (i: number): Promise<boolean> => (await lab.count(`${lab.app}.out${i}`)) >= 2 * ROWS && (await lab.readJson(`${lab.app}.out${i}`)).length >= 2 * ROWS;
  const pausedBy = (i: number): string | null => first.handle.figures().stages.find(({ stage }) => stage === topicOf.get(i))?.pausedBy ?? null;

  /** One table: rows, the change, rows again, without a pause between. */
  const load = async (fact: EvolutionFact, i: number): Promise<void> => {
    const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
    await client.connect();
    try {
      for (let id = 2; id <= ROWS; id += 1) await insert(client, i, id, fact.insert[0]);
      await client.query(`ALTER TABLE ${tables[i]} ${fact.alter}`);
      for (let id = ROWS + 1; id <= 2 * ROWS; id += 1) await insert(client, i, id, fact.insert[1]);
    } finally {
      await client.end();
    }
  };

  /** As the operator does who wants the schema in spite of the registry: the subject takes anything, and the task is restarted. */
  const accept = async (connector: string): Promise<void> => {
    const artifact = `${topicOf.get(refusedAt)}-value`;
    const base = process.env.MILLRACE_REGISTRY_CONVERTER_URL ?? stack.endpoints.registryUrl!.replace('/ccompat/v7', '/registry/v2');
    const response = await fetch(`${base}/groups/default/artifacts/${artifact}/rules`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ type: 'COMPATIBILITY', config: 'NONE' }) });
    if (!response.ok) throw new Error(`the registry answers ${response.status}: ${await response.text()}`);
    await fetch(`${connectUrl}/connectors/${connector}/restart?includeTasks=true&onlyFailed=true`, { method: 'POST' });
  };

  const failure = async (connector: string): Promise<string | null> => {
    const [status] = await connectorStatus([connector], { connectUrl });
    return status?.tasks.find(({ state }) => state === 'FAILED')?.cause ?? null;
  };

  before(async () => {
    await capture.client.connect();
    for (const [i, { column, insert: [values] }] of EVOLUTION.entries()) {
      await capture.sql(`CREATE TABLE ${tables[i]} (id int PRIMARY KEY${column === null ? '' : `, ${column}`})`);
      await insert(capture.client, i, 1, values);
    }
    const readable = tables.filter((_, i) => i !== refusedAt);
    const [main, strict] = await Promise.all([capture.connector('m', readable), capture.connector('r', [tables[refusedAt]!])]);
    for (const [i, table] of tables.entries()) topicOf.set(i, `${i === refusedAt ? strict : main}.public.${table}`);
    for (const topic of topicOf.values()) await capture.records(topic, 1);
    first = handles.start(reading(({ field }) => field));
    await eventually(async () => (await all()).every(({ length }) => length === 1), () => 'the first row of every table');
    await Promise.all(EVOLUTION.map(load));
    await eventually(async () => (await failure(strict)) !== null, () => 'the refused schema');
    refusal = (await failure(strict))!;
    for (const [i, fact] of EVOLUTION.entries()) {
      if (fact.refused === true) continue;
      if (fact.paused === undefined) await eventually(() => complete(i), () => `${fact.change}, ${fact.schema}: all rows`);
      else await eventually(() => pausedBy(i) !== null, () => `${fact.change}, ${fact.schema}: a pause`);
    }
    await eventually(async () => (await all()).every(({ length }, i) => i === refusedAt || length >= ROWS), () => 'all rows from before');
    outputs = await all();
    await accept(strict);
    const reasons = EVOLUTION.map((_, i) => pausedBy(i));
    await first.handle.stop();
    paused = reasons;
    handles.start(reading(({ field, paused: by }) => by?.mended ?? field));
    for (const [i, fact] of EVOLUTION.entries()) await eventually(() => complete(i), () => `${fact.change}, ${fact.schema}: all rows in the end`);
    mended = await all();
  });

  after(async () => {
    await handles.stop();
    await Promise.all([lab.close(), capture.close()]);
  });

  const rowsOf = ({ seen: [old, young], field }: EvolutionFact, count: number): Seen[] =>
    Array.from({ length: count }, (_, n) => ({ id: n + 1, ...(field === null ? {} : { value: n < ROWS ? old : young }) }));

  for (const [i, fact] of EVOLUTION.entries()) {
    const what = `${fact.change}, where the topology's schema ${fact.schema}`;
    if (fact.paused === undefined && fact.refused === undefined) {
      it(`${what}: is read on, with these values`, () => expect(outputs[i]).to.deep.equal(rowsOf(fact, 2 * ROWS)));
      continue;
    }
    it(`${what}: is read to the change and not beyond, and whole in the end, each row once`, () => {
      // A task that fails takes back what was in the same batch.
      expect(outputs[i]).to.deep.equal(rowsOf(fact, fact.refused === true ? Math.min(outputs[i]!.length, ROWS) : ROWS));
      expect(mended[i]).to.deep.equal(rowsOf(fact, 2 * ROWS));
    });
    if (fact.paused === undefined) {
      it(`${what}: fails in the connector's task, which says so`, () => expect(refusal).to.match(/ompatib|RuleViolation/));
      continue;
    }
    it(`${what}: names field and schemas`, () => {
      expect(paused[i]).to.include(fact.paused!.error).and.match(/schema \d+ \(/).and.match(/, version \d+ of \S+-value\) cannot be read/).and.match(/the records before it have schema \d+ \(version \d+ of \S+-value\)/);
      expect(first.log.said('a task is paused').some(({ level, stage }) => level === 'error' && stage === topicOf.get(i))).to.equal(true);
    });
  }

  it('leaves nothing among the dead letters', async () => {
    const letters = (await (await lab.admin()).listTopics()).filter((topic) => topic.startsWith(lab.app) && topic.endsWith('-dlq'));
    expect(letters.length).to.equal(EVOLUTION.length);
    for (const topic of letters) expect(await lab.count(topic), topic).to.equal(0);
  });
});
