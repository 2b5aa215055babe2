import { expect } from 'chai';
import { describe, it } from 'mocha';
import { incompatibilities } from '../../lib/schemas/compatibility.ts';
import { checkSchema, problemLines } from '../../lib/schemas/check.ts';
import { parseSchemaFile } from '../../lib/schemas/files.ts';
import type { RegistryClient } from '../../lib/schemas/registry-client.ts';
import { fieldChanges, typeText } from '../../lib/schemas/diff.ts';
import { formatSchema } from '../../lib/schemas/format.ts';
import { rowOf } from '../../lib/schemas/registered.ts';
import { parseOwn, parseWriter } from '../../lib/serde/avro-schema.ts';
import { readFile } from 'node:fs/promises';

type Field = Readonly<Record<string, unknown>>;
const recordOf = (...fields: readonly Field[]): { readonly type: 'record'; readonly name: string; readonly fields: readonly Field[] } => ({ type: 'record', name: 'shop.Order', fields });
const id: Field = { name: 'id', type: 'int' };
const inner = (...fields: readonly Field[]): Field => ({ name: 'in', type: { type: 'record', name: 'In', fields } });
const colours = (...symbols: readonly string[]): Field => ({ type: 'enum', name: 'Colour', symbols });

describe('what a schema cannot read of what another has written', () => {
  const facts: readonly (readonly [name: string, reader: readonly Field[], writer: readonly Field[], problems: readonly string[]])[] = [
    ['nothing, when they are the same', [id], [id], []],
    ['nothing, when a nullable field with a default came', [id, { name: 'note', type: ['null', 'string'], default: null }], [id], []],
    ['a field that came without a default', [id, { name: 'note', type: 'string' }], [id], ['note: it is not written, and has no default']],
    ['nothing, when a field went', [id], [id, { name: 'note', type: 'string' }], []],
    ['nothing, when int became long', [{ name: 'id', type: 'long' }], [id], []],
    ['long as int', [id], [{ name: 'id', type: 'long' }], ['id: long cannot be read as int']],
    ['nothing, when a field became nullable', [{ name: 'id', type: ['null', 'int'] }], [id], []],
    ['nulls, when a field is nullable no more', [id], [{ name: 'id', type: ['null', 'int'] }], ['id: null cannot be read as int']],
    ['nothing, when a renamed field has its old name as an alias', [{ name: 'number', type: 'int', aliases: ['id'] }], [id], []],
    ['a renamed field', [{ name: 'number', type: 'int' }], [id], ['number: it is not written, and has no default']],
    ['a symbol that the enum lost', [{ name: 'c', type: colours('red') }], [{ name: 'c', type: colours('red', 'blue') }], ['c: the enum lacks blue']],
    ['nothing, when that enum has a default', [{ name: 'c', type: { ...colours('red'), default: 'red' } }], [{ name: 'c', type: colours('red', 'blue') }], []],
    ['fields of records within, each by its path', [inner({ name: 'a', type: 'int' }, { name: 'b', type: 'int' })], [inner({ name: 'a', type: 'string' })], ['in.a: string cannot be read as int', 'in.b: it is not written, and has no default']],
    ['items of an array', [{ name: 'l', type: { type: 'array', items: 'int' } }], [{ name: 'l', type: { type: 'array', items: 'string' } }], ['l[]: string cannot be read as int']],
    ['values of a map', [{ name: 'm', type: { type: 'map', values: 'long' } }], [{ name: 'm', type: { type: 'map', values: 'double' } }], ['m{}: double cannot be read as long']],
    ['a fixed of another size', [{ name: 'f', type: { type: 'fixed', name: 'F', size: 4 } }], [{ name: 'f', type: { type: 'fixed', name: 'F', size: 8 } }], ['f: fixed shop.F cannot be read as fixed shop.F']],
    ['every field, not the first alone', [{ name: 'id', type: 'boolean' }, { name: 'b', type: 'int' }], [id], ['id: int cannot be read as boolean', 'b: it is not written, and has no default']],
  ];
  for (const [name, reader, writer, problems] of facts) {
    it(`is ${name}`, () => {
      expect(incompatibilities(parseOwn(recordOf(...reader)), parseWriter(recordOf(...writer))).map(({ path, reason }) => `${path}: ${reason}`)).to.deep.equal(problems);
    });
  }

  it('is a record of another name, and not one of another namespace', () => {
    const named = (name: string): string[] => incompatibilities(parseOwn(recordOf(id)), parseWriter({ ...recordOf(id), name })).map(({ reason }) => reason);
    expect([named('other.Order'), named('shop.Refund')]).to.deep.equal([[], ['record shop.Refund has another name than record shop.Order']]);
  });

  it('ends for records that contain themselves', () => {
    const tree = { type: 'record', name: 'Tree', fields: [{ name: 'v', type: 'int' }, { name: 'next', type: ['null', 'Tree'], default: null }] } as const;
    expect(incompatibilities(parseOwn(tree), parseWriter(tree))).to.deep.equal([]);
  });
});

describe('a check against the registry', () => {
  const file = parseSchemaFile(JSON.stringify({ ...recordOf({ name: 'id', type: 'string' }), 'millrace.subject': 'orders-value' }), 'order.avsc');
  const clientOf = (mode: string, versions: readonly object[], own: { readonly compatible: boolean; readonly messages: readonly string[] }): RegistryClient => ({
    versions: () => Promise.resolve(versions.map((schema, i) => ({ subject: 'orders-value', version: i + 1, id: 10 + i, schema: JSON.stringify(schema) }))),
    mode: () => Promise.resolve(mode),
    isCompatible: () => Promise.resolve(own),
  }) as unknown as RegistryClient;
  const refused = { compatible: false, messages: ['because'] };

  it('finds nothing under the mode NONE, and nothing where nothing is registered', async () => {
    expect(await checkSchema(clientOf('NONE', [recordOf(id)], refused), file)).to.deep.include({ outcome: 'compatible', mode: 'NONE', problems: [], registry: [] });
    expect(await checkSchema(clientOf('FULL', [], refused), file)).to.deep.include({ outcome: 'absent', versions: [] });
  });

  it('goes by what the registry says, too', async () => {
    const check = await checkSchema(clientOf('BACKWARD', [recordOf({ name: 'id', type: 'string' })], refused), file);
    expect([check.outcome, problemLines(check)]).to.deep.equal(['incompatible', ['because (BACKWARD)']]);
  });
});

describe('a check of a row', () => {
  const row = (...fields: readonly Field[]): Field => ({ type: 'record', name: 'Value', namespace: 'app.public.item', fields });
  const envelope = (...fields: readonly Field[]): object => ({
    type: 'record',
    name: 'Envelope',
    namespace: 'app.public.item',
    fields: [
      { name: 'before', type: ['null', row(...fields)], default: null },
      { name: 'after', type: ['null', 'app.public.item.Value'], default: null },
      { name: 'source', type: 'string' },
      { name: 'op', type: 'string' },
    ],
  });
  const file = (...fields: readonly Field[]) => parseSchemaFile(JSON.stringify(row(...fields)), 'item.avsc');
  const clientOf = (...versions: readonly object[]): RegistryClient => ({
    versions: () => Promise.resolve(versions.map((schema, i) => ({ subject: 'app.public.item-value', version: i + 1, id: 10 + i, schema: JSON.stringify(schema) }))),
    mode: () => Promise.resolve('NONE'),
  }) as unknown as RegistryClient;
  const linesOf = async (own: readonly Field[], ...versions: readonly object[]): Promise<readonly string[]> => problemLines(await checkSchema(clientOf(...versions), file(...own)));

  it('names every field that it cannot read, of every version', async () => {
    const own = [{ name: 'id', type: 'int' }, { name: 'price', type: 'int' }, { name: 'note', type: 'string' }, inner({ name: 'a', type: 'int' }, { name: 'b', type: 'int' }, { name: 'c', type: 'int' })];
    const first = envelope({ name: 'id', type: 'int' }, { name: 'price', type: 'string' }, inner({ name: 'a', type: 'string' }, { name: 'b', type: 'int' }));
    const second = envelope({ name: 'id', type: 'boolean' }, { name: 'price', type: 'int' }, { name: 'note', type: ['null', 'string'] }, inner({ name: 'a', type: 'int' }, { name: 'b', type: 'int' }, { name: 'c', type: 'int' }));
    expect(await linesOf(own, first, second)).to.deep.equal([
      'price: string cannot be read as int of version 1 (id 10)',
      'note: the writer has no such field, and our schema gives no default of version 1 (id 10)',
      'in.a: string cannot be read as int of version 1 (id 10)',
      'in.c: the writer has no such field, and our schema gives no default of version 1 (id 10)',
      'id: boolean cannot be read as int of version 2 (id 11)',
    ]);
  });

  it('looks into a nullable record, and leaves to the record that comes which of several types it is', async () => {
    const part = (name: string, type: string): Field => ({ type: 'record', name, fields: [{ name: 'x', type }, { name: 'y', type }] });
    const own = [{ name: 'r', type: ['null', part('R', 'int')], default: null }, { name: 'u', type: ['null', part('A', 'int'), part('B', 'int')], default: null }];
    const written = envelope({ name: 'r', type: ['null', part('R', 'string')] }, { name: 'u', type: [part('A', 'string'), part('B', 'int')] });
    expect(await linesOf(own, written)).to.deep.equal(['r.x: string cannot be read as int of version 1 (id 10)', 'r.y: string cannot be read as int of version 1 (id 10)']);
  });
});

describe('how a schema file differs from what is registered', () => {
  it('is told field by field, with types and defaults', () => {
    const file = recordOf(id, { name: 'price', type: 'long', default: 0 }, { name: 'came', type: ['null', 'string'], default: null }, inner({ name: 'x', type: 'long' }));
    const registry = recordOf({ ...id, doc: 'no difference' }, { name: 'price', type: 'int' }, { name: 'went', type: 'string' }, inner({ name: 'x', type: 'int' }));
    expect(fieldChanges(file, registry, 'value')).to.deep.equal([
      { path: 'price', kind: 'changed', file: { type: 'long', default: 0 }, registry: { type: 'int' } },
      { path: 'went', kind: 'removed', registry: { type: 'string' } },
      { path: 'in.x', kind: 'changed', file: { type: 'long' }, registry: { type: 'int' } },
      { path: 'came', kind: 'added', file: { type: 'null | string', default: null } },
    ]);
  });

  it('is not that a row leaves columns out, or has defaults of its own', () => {
    const changes = fieldChanges(recordOf({ ...id, default: 7 }), recordOf(id, { name: 'note', type: 'string' }), 'row');
    expect(changes.map(({ path, kind }) => [path, kind])).to.deep.equal([['note', 'unused']]);
  });

  for (const [type, text] of [
    [['null', { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Json' }], 'null | string (io.debezium.data.Json)'],
    [{ type: 'bytes', scale: 2, precision: 9, 'connect.name': 'org.apache.kafka.connect.data.Decimal' }, 'bytes (org.apache.kafka.connect.data.Decimal, scale 2)'],
    [{ type: 'array', items: ['null', 'long'] }, 'array of (null | long)'],
    [{ type: 'map', values: 'int' }, 'map of int'],
    [{ type: 'enum', name: 'a.Mood', symbols: ['sad', 'happy'] }, 'enum Mood (sad, happy)'],
    ['io.debezium.data.VariableScaleDecimal', 'VariableScaleDecimal'],
    [{ type: 'int', 'connect.default': 0 }, 'int'],
  ] as const) it(`writes ${text}`, () => expect(typeText(type)).to.equal(text));
});

describe('schemas from the registry', () => {
  const row = { type: 'record', name: 'Value', fields: [id] };
  const envelope = (before: unknown): Readonly<Record<string, unknown>> => ({
    type: 'record', name: 'Envelope', namespace: 'app.public.orders', fields: [{ name: 'before', type: before }, { name: 'after', type: ['null', 'Value'] }, { name: 'source', type: 'string' }, { name: 'op', type: 'string' }],
  });

  it("are the row where they are Debezium's envelope, with its whole name", () => {
    expect(rowOf(envelope(['null', row]))).to.deep.equal({ ...row, namespace: 'app.public.orders' });
    expect(rowOf(recordOf(id))).to.deep.equal(recordOf(id));
  });

  it('are formatted as the files of this repository are', async () => {
    for (const name of ['content', 'enriched']) {
      const text = await readFile(new URL(`../../schemas/${name}.avsc`, import.meta.url), 'utf8');
      expect(formatSchema(JSON.parse(text) as Record<string, unknown>)).to.equal(text);
    }
  });
});
