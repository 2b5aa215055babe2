import { expect } from 'chai';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'mocha';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { generateFolder, generateTypes, writeModules } from '../../lib/schemas/index.ts';

const recordOf = (type: unknown, more: Readonly<Record<string, unknown>> = {}): string => JSON.stringify({ type: 'record', name: 'Value', namespace: 'a.b', fields: [{ name: 'v', type }], ...more });

/** The line of field `v` and what stands above it. */
const fieldOf = (source: string): readonly [type: string, comment: string] => {
  const lines = source.split('\n');
  const at = lines.findIndex((line) => line.startsWith('  readonly v:'));
  const above = lines[at - 1]!.trim();
  return [lines[at]!.replace('  readonly v: ', '').replace(/;$/, ''), above.startsWith('/**') ? above.replace(/^\/\*\* | \*\/$/g, '') : ''];
};

const connect = (type: string, name: string, more: Readonly<Record<string, unknown>> = {}): unknown => ({ type, 'connect.version': 1, 'connect.name': name, ...more });

describe('types made from schemas', () => {
  const fields: readonly (readonly [avro: unknown, type: string, comment?: string])[] = [
    ['string', 'string'],
    ['int', 'number'],
    ['long', 'bigint'],
    [{ type: 'long', 'connect.default': 0 }, 'bigint'],
    ['float', 'number'],
    ['double', 'number'],
    ['boolean', 'boolean'],
    ['bytes', 'Uint8Array'],
    [{ type: 'fixed', name: 'F', size: 4 }, 'Uint8Array'],
    [['null', 'string'], 'string | null'],
    [['string', 'null'], 'string | null'],
    [['null', 'string', 'long'], 'string | bigint | null'],
    [['null', 'int', 'double'], 'number | null'],
    [{ type: 'enum', name: 'E', symbols: ['A', 'B'] }, "'A' | 'B'"],
    [{ type: 'array', items: 'long' }, 'readonly bigint[]'],
    [{ type: 'array', items: ['null', 'string'] }, 'readonly (string | null)[]'],
    [['null', { type: 'array', items: 'string' }], '(readonly string[]) | null'],
    [{ type: 'array', items: { type: 'array', items: 'int' } }, 'readonly (readonly number[])[]'],
    [{ type: 'map', values: ['null', 'int'] }, 'Readonly<Record<string, number | null>>'],
    [connect('long', 'io.debezium.time.MicroTimestamp'), 'TimeUnits<bigint>', 'Microseconds since the epoch.'],
    [['null', connect('int', 'io.debezium.time.Date')], 'TimeUnits<number> | null', 'Days since 1970-01-01.'],
    [connect('string', 'io.debezium.data.Uuid'), 'string'],
    [connect('string', 'io.debezium.data.Json'), 'string', 'JSON text.'],
    [connect('bytes', 'org.apache.kafka.connect.data.Decimal', { scale: 2, precision: 12, logicalType: 'decimal' }), 'Decimal', 'Exact decimal text with 2 digits behind the point.'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 1 }, 'Decimal', 'Exact decimal text with 1 digit behind the point.'],
    [['null', { type: 'record', name: 'VariableScaleDecimal', namespace: 'io.debezium.data', fields: [{ name: 'scale', type: 'int' }, { name: 'value', type: 'bytes' }], 'connect.name': 'io.debezium.data.VariableScaleDecimal' }], 'Decimal | null', 'Exact decimal text.'],
    [connect('bytes', 'org.apache.kafka.connect.data.Decimal', { scale: 2046, precision: 3, logicalType: 'decimal' }), 'Decimal', 'Exact decimal text.'],
    [{ type: 'array', items: ['null', connect('int', 'io.debezium.time.Time')] }, 'readonly (TimeUnits<number> | null)[]'],
    [connect('long', 'io.debezium.time.MicroDuration'), 'bigint', 'Microseconds; a month counts as 30.4375 days.'],
  ];
  for (const [avro, type, comment] of fields) {
    it(`are ${type} for ${JSON.stringify(avro)}`, () => {
      expect(fieldOf(generateTypes(recordOf(avro), 'x.avsc'))).to.deep.equal([type, comment ?? '']);
    });
  }

  it('import the types of ours that they mention', () => {
    const first = (type: unknown): string => generateTypes(recordOf(type), 'x.avsc').split('\n')[1]!;
    expect(first('int')).to.equal("import { schema } from 'millrace/topology';");
    expect(first(connect('int', 'io.debezium.time.Date'))).to.equal("import { schema, type TimeUnits } from 'millrace/topology';");
    expect(first([connect('long', 'io.debezium.time.MicroTime'), { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 1 }])).to.equal("import { schema, type Decimal, type TimeUnits } from 'millrace/topology';");
  });

  it('are interfaces for nested records, once for each, also when they contain themselves', () => {
    const source = generateTypes(
      JSON.stringify({
        type: 'record', name: 'Order', namespace: 'shop', fields: [
          { name: 'lines', type: { type: 'array', items: { type: 'record', name: 'Line', fields: [{ name: 'sku', type: 'string' }, { name: 'parts', type: { type: 'array', items: 'Line' } }] } } },
          { name: 'first', type: ['null', 'shop.Line'], default: null },
        ],
      }),
      'order.avsc',
    );
    expect(source).to.include('export interface Line {\n  readonly sku: string;\n  readonly parts: readonly Line[];\n}\n\nexport interface Order {\n  readonly lines: readonly Line[];\n  readonly first: Line | null;\n}\n');
  });

  it('have names of their own where two records have the same', () => {
    const inner = (namespace: string, field: string): unknown => ({ type: 'record', name: 'Thing', namespace, fields: [{ name: field, type: 'int' }] });
    const source = generateTypes(JSON.stringify({ type: 'record', name: 'Thing', namespace: 'c', fields: [{ name: 'one', type: inner('a', 'x') }, { name: 'two', type: inner('b', 'y') }, { name: 'again', type: 'a.Thing' }] }), 'thing.avsc');
    expect(source).to.include('export interface Thing {\n  readonly one: Thing2;\n  readonly two: Thing3;\n  readonly again: Thing2;\n}');
  });

  for (const [file, attribute, value, type] of [
    ['content.avsc', undefined, 'content', 'Content'],
    ['engagement_event.avsc', undefined, 'engagementEvent', 'EngagementEvent'],
    ['engagement-event.v2.avsc', undefined, 'engagementEventV2', 'EngagementEventV2'],
    ['content.avsc', 'contentRow', 'contentRow', 'ContentRow'],
    ['enriched.avsc', 'enrichedSchema', 'enrichedSchema', 'Enriched'],
  ] as const) {
    const named = attribute === undefined ? '' : ` with millrace.export ${attribute}`;
    it(`are called ${value} and ${type} for ${file}${named}`, () => {
      const source = generateTypes(recordOf('int', attribute === undefined ? {} : { 'millrace.export': attribute }), file);
      expect(source).to.include(`export interface ${type} {`).and.include(`export const ${value} = schema<${type}>({`);
    });
  }

  it('carry the schema as it is, less our own attribute', async () => {
    const text = recordOf(['null', connect('string', 'io.debezium.data.Json')], { 'millrace.export': 'odd', doc: "it's \"quoted\" \\ and */ closed\nover lines" });
    const folder = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
    try {
      const source = generateTypes(text, 'odd.avsc').replace("import { schema } from 'millrace/topology';", 'const schema = <T,>(avro: unknown): { avro: unknown; type?: T } => ({ avro });');
      await writeFile(join(folder, 'odd.ts'), source);
      const { odd } = (await import(join(folder, 'odd.ts'))) as { odd: { avro: unknown } };
      const { 'millrace.export': _, ...expected } = JSON.parse(text) as Record<string, unknown>;
      expect(odd.avro).to.deep.equal(expected);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  for (const [name, text, message] of [
    ['no JSON', '{', 'x.avsc: '],
    ['no record', '"string"', 'x.avsc: is no Avro record schema'],
    ['an unknown type', recordOf('wat'), 'x.avsc: undefined type name'],
    ['the name of what the module imports', recordOf('int', { 'millrace.export': 'schema' }), 'x.avsc: "schema" is no name for an export'],
    ['a word of the language', recordOf('int', { 'millrace.export': 'class' }), 'x.avsc: "class" is no name for an export'],
    ['a name that is no identifier', recordOf('int', { 'millrace.export': 'a b' }), 'x.avsc: "a b" is no name for an export'],
  ] as const) {
    it(`are refused for ${name}`, () => {
      expect(() => generateTypes(text, 'x.avsc')).to.throw(ConfigurationError, message);
    });
  }
});

describe('a folder of schemas', () => {
  const folders: string[] = [];
  const folderOf = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
    folders.push(folder);
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    return folder;
  };
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  it('gets a module beside each file, which is stale until it is written and after its schema changes', async () => {
    const folder = await folderOf({ 'b.avsc': recordOf('int'), 'a_row.avsc': recordOf('string'), 'notes.txt': '' });
    const first = await generateFolder(folder);
    expect(first.map(({ path, stale }) => [path, stale])).to.deep.equal([[join(folder, 'a_row.ts'), true], [join(folder, 'b.ts'), true]]);
    await writeModules(first);
    expect(await readFile(join(folder, 'b.ts'), 'utf8')).to.include('export const b = schema<B>({');
    expect((await generateFolder(folder)).map(({ stale }) => stale)).to.deep.equal([false, false]);
    await writeFile(join(folder, 'b.avsc'), recordOf('long'));
    expect((await generateFolder(folder)).map(({ stale }) => stale)).to.deep.equal([false, true]);
  });

  it('is refused with every file that is not valid named', async () => {
    const folder = await folderOf({ 'a.avsc': '{', 'b.avsc': recordOf('wat'), 'c.avsc': recordOf('int') });
    const thrown = await generateFolder(folder).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(ConfigurationError);
    expect((thrown as ConfigurationError).problems.map((problem) => problem.slice(0, 8))).to.deep.equal(['a.avsc: ', 'b.avsc: ']);
  });

  it('is refused when there is none, or nothing in it', async () => {
    for (const folder of [await folderOf({}), join(await folderOf({}), 'none')]) expect(await generateFolder(folder).catch((error: unknown) => error)).to.be.instanceOf(ConfigurationError);
  });
});

describe('the schemas of this repository', () => {
  it('have modules that are up to date', async () => {
    const modules = await generateFolder(new URL('../../schemas', import.meta.url).pathname);
    expect(modules.filter(({ stale }) => stale).map(({ schemaPath }) => schemaPath)).to.deep.equal([]);
    expect(modules).to.have.length.of.at.least(3);
  });
});
