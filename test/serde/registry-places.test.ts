/** What the registry tells of a schema by its subjects and versions. */
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { createSerde, UnreadableSchemaError } from '../../lib/serde/index.ts';
import { avro } from '../../topology/codecs.ts';
import { closeRegistries, registry, type Answer } from './registry-server.ts';
import { batchOf, recordOf, wire } from './support.ts';

afterEach(closeRegistries);

const failureOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe('schemas that cannot be read', () => {
  const old = { schema: JSON.stringify(recordOf('int').avro) };
  const text = { schema: JSON.stringify(recordOf('string').avro) };
  const batch = batchOf(wire(3, Buffer.from([2])), wire(4, Buffer.from([2, 97])));
  const errorWith = async (versions: Answer): Promise<string> => {
    const { url } = await registry((request, body) => (request.url!.endsWith('/versions') ? versions(request, body) : { status: 200, body: request.url!.endsWith('/3') ? old : text }));
    const decoder = createSerde({ registryUrl: url, clock: systemClock, log: silentLogger, timeoutMs: 300 }).valueDecoder(avro(recordOf('int')));
    await decoder.prepare(batch);
    expect(decoder.decode(batch.value(0))).to.deep.equal({ v: 1 });
    const error = failureOf(() => decoder.decode(batch.value(1)));
    expect(error).to.be.instanceOf(UnreadableSchemaError);
    return (error as Error).message.split('. ')[0]!;
  };
  const bare = 'schema 4 (R) cannot be read, v: string cannot be read as int; the records before it have schema 3';

  it('are named by their versions', async () => {
    const versionsOf: Readonly<Record<string, unknown>> = { '/apis/ccompat/v7/schemas/ids/3/versions': [{ subject: 'orders-value', version: 1 }], '/apis/ccompat/v7/schemas/ids/4/versions': [{ subject: 'orders-value', version: 2 }, { subject: 'b', version: 9 }] };
    expect(await errorWith(({ url }) => ({ status: 200, body: versionsOf[url!] }))).to.equal(
      'schema 4 (R, version 2 of orders-value, version 9 of b) cannot be read, v: string cannot be read as int; the records before it have schema 3 (version 1 of orders-value)',
    );
  });

  it('are named in bounds', async () => {
    const many = Array.from({ length: 9 }, (_, i) => ({ subject: `s${i}`, version: i }));
    expect(await errorWith(() => ({ status: 200, body: many }))).to.include('(R, version 0 of s0, version 1 of s1, version 2 of s2 and 6 more)');
  });

  for (const [what, answer] of [
    ['knows no such question', () => ({ status: 404, body: { error_code: 404, message: 'HTTP 404' } })],
    ['answers with no list', () => ({ status: 200, body: { subject: 'x', version: 1 } })],
    ['answers with what is no JSON', () => ({ status: 200, body: '<html>' })],
    ['lists nothing', () => ({ status: 200, body: [] })],
    ['is gone by then', () => 'cut' as const],
    ['does not answer', () => 'hang' as const],
  ] as const) {
    it(`are named by their ids alone when the registry ${what}`, async () => expect(await errorWith(answer)).to.equal(bare));
  }

  it('are named in the errors of every decoder, of a batch that is prepared before the one in front of it is read too', async () => {
    const { url, asked } = await registry(({ url: path }) => (path!.endsWith('/versions') ? { status: 200, body: [{ subject: 's', version: 1 }] } : { status: 200, body: path!.endsWith('/3') ? old : text }));
    const serde = createSerde({ registryUrl: url, clock: systemClock, log: silentLogger });
    const [first, second] = [batchOf(wire(3, Buffer.from([2]))), batchOf(wire(4, Buffer.from([2, 97])))];
    const decoders = [serde.valueDecoder(avro(recordOf('int'))), serde.valueDecoder(avro(recordOf('int')))];
    for (const decoder of decoders) {
      await decoder.prepare(first);
      await decoder.prepare(second);
      expect(decoder.prepare(second), 'all is known').to.equal(undefined);
    }
    expect(asked.filter((line) => !line.endsWith('/versions'))).to.have.length(2);
    for (const decoder of decoders) {
      expect(decoder.decode(first.value(0))).to.deep.equal({ v: 1 });
      expect(failureOf(() => decoder.decode(second.value(0)))).to.have.property('message').which.match(/^schema 4 \(R, version 1 of s\) .*schema 3 \(version 1 of s\)\./);
    }
  });

  it('are asked for with the credentials of the registry', async () => {
    const { url, headers } = await registry(({ url: path }) => (path!.endsWith('/versions') ? { status: 200, body: [] } : { status: 200, body: text }));
    const decoder = createSerde({ registryUrl: url.replace('//', '//me:word@'), clock: systemClock, log: silentLogger }).valueDecoder(avro(recordOf('int')));
    await decoder.prepare(batchOf(wire(4, Buffer.from([2, 97]))));
    expect(headers.map(({ authorization }) => authorization)).to.deep.equal(['Basic bWU6d29yZA==', 'Basic bWU6d29yZA==']);
  });
});

describe('a schema that the registry does not tell by its id', () => {
  const refused = { status: 400, body: { error_code: 0, message: 'Failed to discover artifact type from content.' } };
  const withDefault = { type: 'record', name: 'R', fields: [{ name: 'v', type: ['string', 'null'], default: '{}' }] };
  const places = [{ subject: 'a/b-value', version: 7 }];
  const version = { subject: 'a/b-value', version: 7, id: 3, schema: JSON.stringify(withDefault) };
  const decoded = async (versions: unknown, found: unknown): Promise<unknown> => {
    const { url } = await registry(({ url: asked }) => {
      if (asked!.endsWith('/schemas/ids/3/versions')) return { status: 200, body: versions };
      return asked!.endsWith('/subjects/a%2Fb-value/versions/7') ? { status: 200, body: found } : refused;
    });
    const decoder = createSerde({ registryUrl: url, clock: systemClock, log: silentLogger, timeoutMs: 300 }).valueDecoder(avro(recordOf('string')));
    const batch = batchOf(wire(3, Buffer.from([0, 2, 97])));
    await decoder.prepare(batch);
    return failureOf(() => decoder.decode(batch.value(0)));
  };

  it('is asked for by its subject and version', async () => expect(await decoded(places, version)).to.deep.equal({ v: 'a' }));

  for (const [what, versions, found] of [
    ['stands under no subject', [], version],
    ['is another one there', places, { ...version, id: 4 }],
    ['is not Avro', places, { ...version, schemaType: 'PROTOBUF' }],
    ['is no JSON', places, { ...version, schema: '{' }],
    ['is no schema', places, { ...version, schema: '{"type":"horse"}' }],
  ] as const) {
    it(`cannot be used when it ${what}`, async () => {
      const failure = await decoded(versions, found);
      expect(failure).to.be.instanceOf(Error);
      expect((failure as Error).message).to.include('schema 3 cannot be used: Failed to discover artifact type from content.');
    });
  }
});
