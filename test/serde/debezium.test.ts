import avsc from 'avsc';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { NO_VALUE } from '../../lib/serde/index.ts';
import { debezium, schema, type AvroSchema, type Change } from '../../topology/codecs.ts';
import { offline, wire } from './support.ts';

interface Fixture {
  readonly keySchemaId: number;
  readonly valueSchemaId: number;
  readonly keySchema: { readonly [attribute: string]: unknown };
  readonly valueSchema: { readonly [attribute: string]: unknown };
  readonly records: readonly { readonly what: string; readonly key: string; readonly value: string | null }[];
}

const fixture = JSON.parse(readFileSync(new URL('fixtures/debezium.json', import.meta.url), 'utf8')) as Fixture;
const recorded = (what: string): Buffer => {
  const record = fixture.records.find((candidate) => candidate.what.startsWith(what));
  if (record?.value == null) throw new Error(`no record of ${what}`);
  return Buffer.from(record.value, 'hex');
};

/** A serde in whose table the recorded schemas have the ids they had. */
const replay = async (): Promise<ReturnType<typeof offline>> => {
  const made = offline();
  for (let id = 1; id < fixture.keySchemaId; id += 1) await made.schemas.register('other', { type: 'record', name: `Other${id}`, fields: [] });
  expect(await made.schemas.register('key', fixture.keySchema)).to.equal(fixture.keySchemaId);
  expect(await made.schemas.register('value', fixture.valueSchema)).to.equal(fixture.valueSchemaId);
  return made;
};

const rowOf = (...fields: readonly (readonly [name: string, type: AvroSchema, more?: Readonly<Record<string, unknown>>])[]) =>
  schema<Record<string, unknown>>({ type: 'record', name: 'Value', namespace: 'sample.public.wide', fields: fields.map(([name, type, more]) => ({ name, type, ...more })) });

const DECIMAL = { type: 'bytes', scale: 2, precision: 12, 'connect.name': 'org.apache.kafka.connect.data.Decimal' };
const VARIABLE = {
  type: 'record', name: 'VariableScaleDecimal', namespace: 'io.debezium.data', 'connect.name': 'io.debezium.data.VariableScaleDecimal',
  fields: [{ name: 'scale', type: 'int' }, { name: 'value', type: 'bytes' }],
};
const small = rowOf(
  ['id', 'long'],
  ['n', ['null', VARIABLE]],
  ['d', DECIMAL],
  ['at', { type: 'string', 'connect.name': 'io.debezium.time.ZonedTimestamp' }],
  ['local', ['null', { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' }]],
  ['day', ['null', { type: 'int', 'connect.name': 'io.debezium.time.Date' }]],
  ['t', ['null', { type: 'long', 'connect.name': 'io.debezium.time.MicroTime' }]],
  ['big', ['null', 'long']],
  ['b', ['null', 'boolean']],
  ['f', ['null', 'double']],
);
const large = rowOf(
  ['id', 'long'],
  ['txt', ['null', 'string']],
  ['j', ['null', 'string']],
  ['raw', ['null', 'bytes']],
  ['tags', ['null', { type: 'array', items: ['null', 'string'] }]],
  ['nums', ['null', { type: 'array', items: ['null', 'int'] }]],
  ['bigs', ['null', { type: 'array', items: ['null', 'long'] }]],
  ['us', ['null', { type: 'array', items: ['null', 'string'] }]],
);

describe('events that Debezium wrote', () => {
  it('give the row exactly, though ts_ns and other longs are beyond 2^53', async () => {
    const { serde } = await replay();
    const change = serde.valueDecoder(debezium(small)).decode(recorded('UPDATE wide SET big = 5')) as Change<unknown>;
    expect(change.op).to.equal('u');
    expect(change.before).to.equal(null);
    expect(change.after).to.deep.equal({
      id: 9007199254740993n,
      n: '0.00000000000000000001',
      d: '1.50',
      at: '2026-01-02T01:04:05.123456Z',
      local: 9223372036854775807n,
      day: 20455,
      t: 3723500000n,
      big: 5n,
      b: true,
      f: 1.5,
    });
    expect(Object.keys(change.source)).to.deep.equal(['tsUs', 'snapshot', 'schema', 'table', 'txId', 'lsn']);
    expect(change.source).to.deep.include({ snapshot: 'false', schema: 'public', table: 'wide' });
    expect(new Date(change.source.tsUs / 1000).getUTCFullYear()).to.equal(2026);
    expect(change.source.txId).to.be.a('bigint');
    expect(change.source.lsn).to.be.a('bigint');
  });

  it('give nulls for the old row of a delete where PostgreSQL did not send it, even in columns that we say have none', async () => {
    const { serde } = await replay();
    const change = serde.valueDecoder(debezium(rowOf(['id', 'long'], ['n', VARIABLE], ['txt', 'string']))).decode(recorded('UPDATE wide SET id = 7, the delete')) as Change<unknown>;
    expect(change).to.deep.include({ op: 'd', after: null });
    expect(change.before).to.deep.equal({ id: 9007199254740993n, n: null, txt: null });
  });

  it('are no value when they are tombstones', async () => {
    const { serde } = await replay();
    expect(serde.valueDecoder(debezium(small)).decode(null)).to.equal(NO_VALUE);
  });

  it('have keys that are the value of their only column', async () => {
    const { serde } = await replay();
    const keys = fixture.records.map(({ key }) => serde.keyDecoder(debezium(small)).decode(Buffer.from(key, 'hex')));
    expect(keys).to.deep.equal([9007199254740993n, 9007199254740993n, 9007199254740993n, 9007199254740993n, 7n, 7n]);
  });

  it('give numbers where the codec asks for them, and name the column that does not fit', async () => {
    const { serde } = await replay();
    const row = rowOf(['id', 'long'], ['big', ['null', 'long']]);
    const decoder = serde.valueDecoder(debezium(row, { int64: 'number' }));
    const deleted = decoder.decode(recorded('DELETE FROM wide')) as Change<{ id: number }>;
    expect(deleted.before!.id).to.equal(7);
    expect(deleted.source.lsn).to.be.a('bigint');
    expect(() => decoder.decode(recorded('UPDATE wide SET big = 5'))).to.throw(DeadLetterError, ', id: 9007199254740992 is beyond 2^53 - 1');
  });

  for (const [what, column] of [['UPDATE wide SET big = 5', 'txt'], ['UPDATE wide SET big = 6', 'txt'], ['its create', 'txt'], ['its create', 'raw'], ['UPDATE wide SET big = 6', 'tags'], ['UPDATE wide SET big = 5', 'nums'], ['UPDATE wide SET big = 5', 'bigs'], ['UPDATE wide SET big = 5', 'us']] as const) {
    it(`are a dead letter for a stream when ${column} was left out as unchanged (${what})`, async () => {
      const { serde } = await replay();
      const { avro } = large;
      const fields = (avro as { fields: { name: string }[] }).fields.filter(({ name }) => name === 'id' || name === column);
      const codec = debezium(schema<unknown>({ ...(avro as object), type: 'record', name: 'Value', fields }));
      expect(() => serde.valueDecoder(codec).decode(recorded(what))).to.throw(DeadLetterError, `column ${column} was not sent by Debezium (unchanged TOAST). Set REPLICA IDENTITY FULL`);
    });
  }

  it('keep the placeholders for a table', async () => {
    const { serde } = await replay();
    const { after } = serde.valueDecoder(debezium(large), 'keep').decode(recorded('UPDATE wide SET big = 6')) as Change<Record<string, unknown>>;
    expect(after!['txt']).to.equal('__debezium_unavailable_value');
    expect(String(after!['raw'])).to.equal('__debezium_unavailable_value');
  });

  it('read as before for a stream whose schema leaves the large columns out', async () => {
    const { serde } = await replay();
    expect(() => serde.valueDecoder(debezium(small)).decode(recorded('its create'))).to.not.throw();
  });
});

/** The envelope of another table, as the fixture's but for the row. */
const envelope = (row: readonly unknown[], op: unknown = 'string'): AvroSchema => {
  const fields = (fixture.valueSchema['fields'] as { name: string; type: unknown }[]).map((field) => {
    if (field.name === 'before') return { ...field, type: ['null', { type: 'record', name: 'Value', fields: row }] };
    return field.name === 'op' ? { ...field, type: op } : field;
  });
  return { ...fixture.valueSchema, fields } as AvroSchema;
};

const event = (after: unknown, op = 'c', source: Readonly<Record<string, unknown>> = {}): unknown => ({
  before: null,
  after: after === null ? null : { 'sample.public.wide.Value': after },
  source: {
    version: '3.7.0.Final', connector: 'postgresql', name: 'sample', ts_ms: 1, snapshot: { string: 'last' }, db: 'shop', sequence: null, ts_us: { long: 1700000000123456 }, ts_ns: null,
    schema: 'public', table: 'wide', txId: { long: 5 }, lsn: { long: 6 }, xmin: null, origin: null, origin_lsn: null, ...source,
  },
  transaction: { 'event.block': { id: '5:6', total_order: 1, data_collection_order: 1 } },
  op,
  ts_ms: { long: 2 }, ts_us: null, ts_ns: null,
});

const decodeEvent = async (row: readonly unknown[], value: unknown, ours: Parameters<typeof debezium<Record<string, unknown>>>[0]): Promise<Change<unknown>> => {
  const { serde, schemas } = offline();
  const theirs = envelope(row);
  const id = await schemas.register('t', theirs);
  return serde.valueDecoder(debezium(ours)).decode(wire(id, avsc.Type.forSchema(theirs as never, { wrapUnions: 'always' }).toBuffer(value))) as Change<unknown>;
};

describe('changes of a table', () => {
  const intRow = [{ name: 'id', type: 'int' }];

  for (const op of ['c', 'u', 'd', 'r', 't'] as const) {
    it(`keep Debezium's op ${op}`, async () => {
      expect(await decodeEvent(intRow, event(op === 't' ? null : { id: 1 }, op), rowOf(['id', 'long']))).to.deep.equal({
        op,
        before: null,
        after: op === 't' ? null : { id: 1n },
        source: { tsUs: 1700000000123456, snapshot: 'last', schema: 'public', table: 'wide', txId: 5n, lsn: 6n },
        transaction: { id: '5:6', totalOrder: 1, dataCollectionOrder: 1 },
      });
    });
  }

  it('read rows of an incremental snapshot, which have no position', async () => {
    const { source } = await decodeEvent(intRow, event({ id: 1 }, 'r', { snapshot: { string: 'incremental' }, txId: null, lsn: null }), rowOf(['id', 'long']));
    expect(source).to.deep.include({ snapshot: 'incremental', txId: null, lsn: null });
  });

  it("read a null snapshot marker as 'false'", async () => {
    expect((await decodeEvent(intRow, event({ id: 1 }, 'c', { snapshot: null }), rowOf(['id', 'long']))).source.snapshot).to.equal('false');
  });

  it('read a column that the table does not have yet as its default', async () => {
    expect((await decodeEvent(intRow, event({ id: 1 }), rowOf(['id', 'long'], ['added', ['null', 'string'], { default: null }]))).after).to.deep.equal({ id: 1n, added: null });
  });

  it('are a dead letter when a column is missing and has no default', async () => {
    const thrown = await decodeEvent(intRow, event({ id: 1 }), rowOf(['id', 'long'], ['added', 'string'])).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(DeadLetterError);
    expect(String(thrown)).to.include('schema 1 (sample.public.wide.Envelope) cannot be read, added: the writer has no such field');
  });

  it('are a dead letter when a column has another type', async () => {
    const thrown = await decodeEvent([{ name: 'id', type: 'string' }], event({ id: 'x' }), rowOf(['id', 'long'])).catch((error: unknown) => error);
    expect(String(thrown)).to.include(', id: string cannot be read as long');
  });

  it('are a dead letter when a column that we say is never null is null', async () => {
    const thrown = await decodeEvent([{ name: 'id', type: ['null', 'int'] }], event({ id: null }), rowOf(['id', 'long'])).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(DeadLetterError);
    expect(String(thrown)).to.include('id: null cannot be read as long');
  });

  it('are a dead letter with an op that is none of a row', async () => {
    const thrown = await decodeEvent(intRow, event({ id: 1 }, 'm'), rowOf(['id', 'long'])).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(DeadLetterError);
    expect(String(thrown)).to.include('op "m" is no change of a row');
  });

  it('are read with each schema that interleaves in the topic', async () => {
    const { serde, schemas } = offline();
    const decoder = serde.valueDecoder(debezium(rowOf(['id', 'long'], ['name', ['null', 'string'], { default: null }])));
    const versions = [envelope(intRow), envelope([{ name: 'name', type: 'string' }, { name: 'id', type: 'long' }])];
    const bytes = await Promise.all(
      versions.map(async (version, i) => wire(await schemas.register('t', version), avsc.Type.forSchema(version as never, { wrapUnions: 'always' }).toBuffer(event(i === 0 ? { id: 1 } : { id: 2, name: 'x' })))),
    );
    const rows = [0, 1, 0, 1].map((i) => (decoder.decode(bytes[i]!) as Change<unknown>).after);
    expect(rows).to.deep.equal([{ id: 1n, name: null }, { id: 2n, name: 'x' }, { id: 1n, name: null }, { id: 2n, name: 'x' }]);
  });

  for (const [name, theirs, value] of [
    ['a heartbeat', { type: 'record', name: 'Heartbeat', fields: [{ name: 'ts_ms', type: 'long' }] }, { ts_ms: 1 }],
    ['a transaction marker', { type: 'record', name: 'TransactionMetadataValue', fields: [{ name: 'status', type: 'string' }, { name: 'id', type: 'string' }] }, { status: 'BEGIN', id: '1' }],
    ['a flattened row', { type: 'record', name: 'Value', fields: [{ name: 'id', type: 'int' }, { name: '__op', type: 'string' }] }, { id: 1, __op: 'c' }],
    ['a logical message', { type: 'record', name: 'MessageValue', fields: [{ name: 'op', type: 'string' }, { name: 'message', type: 'bytes' }] }, { op: 'm', message: Buffer.alloc(0) }],
    ['bare text', 'string', 'x'],
  ] as const) {
    it(`are a dead letter when they are ${name}`, async () => {
      const { serde, schemas } = offline();
      const id = await schemas.register('t', theirs);
      const bytes = wire(id, avsc.Type.forSchema(theirs as never).toBuffer(value));
      expect(() => serde.valueDecoder(debezium(small)).decode(bytes)).to.throw(DeadLetterError, 'this is not a Debezium change event');
    });
  }
});
