import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { systemClock, type Clock } from '../../lib/core/clock.ts';
import { DeadLetterError, RetryError, StopError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { createSerde, UnreadableSchemaError, type Serde } from '../../lib/serde/index.ts';
import { RegistrySchemas } from '../../lib/serde/registry.ts';
import { avro } from '../../topology/codecs.ts';
import { closeRegistries, registry, unknown, type Answer } from './registry-server.ts';
import { batchOf, recordOf, wire } from './support.ts';

afterEach(closeRegistries);

/** Time stands still but for what a test adds; waits are over at once. */
class ManualClock implements Clock {
  nowMs = 0;
  readonly waits: number[] = [];
  now = (): number => this.nowMs;
  monotonic = (): number => this.nowMs;
  after = systemClock.after.bind(systemClock);
  turn = systemClock.turn.bind(systemClock);
  sleep(delayMs: number): Promise<void> {
    this.waits.push(delayMs);
    return Promise.resolve();
  }
  random = (): number => 0.5;
}

const serdeAt = (url: string, clock: Clock = new ManualClock(), more: { readonly timeoutMs?: number; readonly attempts?: number } = {}): Serde => createSerde({ registryUrl: url, clock, log: silentLogger, ...more });

const schemaText = JSON.stringify(recordOf('int').avro);
const failureOf = (promise: Promise<unknown> | undefined): Promise<unknown> => Promise.resolve(promise).then(() => expect.fail('it resolved'), (thrown: unknown) => thrown);

describe('schemas from the registry', () => {
  it('are asked for once, and then decoding waits for nothing', async () => {
    const { url, asked } = await registry(() => ({ status: 200, body: { schema: schemaText } }));
    const decoder = serdeAt(url).valueDecoder(avro(recordOf('int')));
    const batch = batchOf(wire(3, Buffer.from([2])), null, wire(3, Buffer.from([4])));
    await Promise.all([decoder.prepare(batch), decoder.prepare(batch)]);
    expect(decoder.prepare(batch)).to.equal(undefined);
    expect([decoder.decode(batch.value(0)), decoder.decode(batch.value(2))]).to.deep.equal([{ v: 1 }, { v: 2 }]);
    expect(asked).to.deep.equal(['GET /apis/ccompat/v7/schemas/ids/3']);
  });

  it('are asked for anew when everything written with one cannot be read, and read once it is mended', async () => {
    let text = JSON.stringify(recordOf('string').avro);
    const { url, asked: all } = await registry(({ url: path }) => (path!.endsWith('/versions') ? unknown : { status: 200, body: { schema: text } }));
    const asked = { get length() { return all.filter((line) => !line.endsWith('/versions')).length; } };
    const decoder = serdeAt(url).valueDecoder(avro(recordOf('int')));
    const batch = batchOf(wire(3, Buffer.from([2])));
    for (let time = 1; time <= 2; time += 1) {
      await decoder.prepare(batch);
      expect(() => decoder.decode(batch.value(0))).to.throw(UnreadableSchemaError, 'schema 3 (R) cannot be read, v: string cannot be read as int');
      expect(asked).to.have.length(time);
    }
    text = schemaText;
    await decoder.prepare(batch);
    expect(decoder.decode(batch.value(0))).to.deep.equal({ v: 1 });
    expect(decoder.prepare(batch)).to.equal(undefined);
  });

  it('keep what is known of them while the registry cannot be asked anew', async () => {
    let status = 200;
    const { url } = await registry(() => (status === 404 ? unknown : { status, body: { schema: JSON.stringify(recordOf('string').avro) } }));
    const serde = serdeAt(url);
    const batch = batchOf(wire(3, Buffer.from([2, 97])));
    const [unable, able] = [serde.valueDecoder(avro(recordOf('int'))), serde.valueDecoder(avro(recordOf('string')))];
    await Promise.all([unable.prepare(batch), able.prepare(batch)]);
    expect(() => unable.decode(batch.value(0))).to.throw(UnreadableSchemaError);
    expect(able.decode(batch.value(0))).to.deep.equal({ v: 'a' });
    status = 503;
    expect(await failureOf(unable.prepare(batch))).to.be.instanceOf(RetryError);
    status = 404;
    await unable.prepare(batch);
    expect(() => unable.decode(batch.value(0))).to.throw(UnreadableSchemaError);
    expect(able.decode(batch.value(0))).to.deep.equal({ v: 'a' });
  });

  it('are shared by the decoders of a worker', async () => {
    const { url, asked } = await registry(() => ({ status: 200, body: { schema: schemaText } }));
    const serde = serdeAt(url);
    const batch = batchOf(wire(3, Buffer.from([2])));
    await serde.valueDecoder(avro(recordOf('int'))).prepare(batch);
    const other = serde.valueDecoder(avro(recordOf('long')));
    expect(other.prepare(batch)).to.equal(undefined);
    expect(other.decode(batch.value(0))).to.deep.equal({ v: 1n });
    expect(asked).to.have.length(1);
  });

  it('are not asked for by records that name none', async () => {
    const { url, asked } = await registry(() => unknown);
    const decoder = serdeAt(url).valueDecoder(avro(recordOf('int')));
    expect(decoder.prepare(batchOf(Buffer.from('{}'), null, Buffer.alloc(0), Buffer.from([0, 0, 0])))).to.equal(undefined);
    expect(asked).to.deep.equal([]);
  });

  it('that are unknown make dead letters, and are asked for again after a while', async () => {
    let known = false;
    const { url, asked } = await registry(() => (known ? { status: 200, body: { schema: schemaText } } : unknown));
    const clock = new ManualClock();
    const decoder = serdeAt(url, clock).valueDecoder(avro(recordOf('int')));
    const batch = batchOf(wire(9, Buffer.from([2])));
    await decoder.prepare(batch);
    expect(asked).to.have.length(2);
    expect(() => decoder.decode(batch.value(0))).to.throw(DeadLetterError, 'the registry knows no schema 9');
    clock.nowMs += 29_000;
    expect(decoder.prepare(batch)).to.equal(undefined);
    clock.nowMs += 2_000;
    expect(() => decoder.decode(batch.value(0))).to.throw(DeadLetterError, 'knows no schema 9');
    known = true;
    await decoder.prepare(batch);
    expect(decoder.decode(batch.value(0))).to.deep.equal({ v: 1 });
  });

  it('follow references to other subjects', async () => {
    const inner = JSON.stringify({ type: 'record', name: 'Inner', namespace: 'x', fields: [{ name: 'w', type: 'int' }] });
    const outer = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'v', type: 'x.Inner' }] });
    const { url } = await registry((request) =>
      request.url!.includes('/subjects/') ? { status: 200, body: { subject: 's', version: 1, id: 1, schema: inner } } : { status: 200, body: { schema: outer, references: [{ name: 'x.Inner', subject: 's', version: 1 }] } });
    const decoder = serdeAt(url).valueDecoder(avro(recordOf({ type: 'record', name: 'Inner', fields: [{ name: 'w', type: 'int' }] })));
    const batch = batchOf(wire(3, Buffer.from([14])));
    await decoder.prepare(batch);
    expect(decoder.decode(batch.value(0))).to.deep.equal({ v: { w: 7 } });
  });

  for (const [name, body] of [['JSON Schema', { schemaType: 'JSON', schema: '{"type":"object"}' }], ['nonsense', { schema: '{"type":"wat"}' }]] as const) {
    it(`that are ${name} make dead letters`, async () => {
      const { url } = await registry(() => ({ status: 200, body }));
      const decoder = serdeAt(url).valueDecoder(avro(recordOf('int')));
      const batch = batchOf(wire(3, Buffer.from([2])));
      await decoder.prepare(batch);
      expect(() => decoder.decode(batch.value(0))).to.throw(DeadLetterError, 'schema 3');
    });
  }

  it('can be decoded only after prepare', async () => {
    const { url } = await registry(() => unknown);
    expect(() => serdeAt(url).valueDecoder(avro(recordOf('int'))).decode(wire(3, Buffer.from([2])))).to.throw(StopError, 'before prepare');
  });
});

describe('a registry that cannot be reached', () => {
  const batch = batchOf(wire(3, Buffer.from([2])));
  const answers: readonly (readonly [name: string, answer: Answer])[] = [
    ['answers 500', () => ({ status: 500, body: { error_code: 50001, message: 'Error in the backend' } })],
    ['answers 429', () => ({ status: 429, body: { message: 'Too many requests' } })],
    ['answers 503 through a proxy', () => ({ status: 503, body: '<html>' })],
    ['answers 404 but is no registry', () => ({ status: 404, body: '<html>' })],
    ['breaks the connection', () => 'cut'],
    ['does not answer in time', () => 'hang'],
  ];
  for (const [name, answer] of answers) {
    it(`is tried again a bounded number of times, then it is the caller's turn: one that ${name}`, async () => {
      const { url, asked } = await registry(answer);
      const clock = new ManualClock();
      const thrown = await failureOf(serdeAt(url, clock, { timeoutMs: 50, attempts: 3 }).valueDecoder(avro(recordOf('int'))).prepare(batch));
      expect(thrown).to.be.instanceOf(RetryError);
      expect(String(thrown)).to.include(url);
      expect(asked).to.have.length(3);
      expect(clock.waits).to.deep.equal([50, 100]);
    });
  }

  it('is not remembered: the next batch asks again', async () => {
    let up = false;
    const { url } = await registry(() => (up ? { status: 200, body: { schema: schemaText } } : { status: 500, body: { message: 'down' } }));
    const decoder = serdeAt(url).valueDecoder(avro(recordOf('int')));
    await failureOf(decoder.prepare(batch));
    up = true;
    await decoder.prepare(batch);
    expect(decoder.decode(batch.value(0))).to.deep.equal({ v: 1 });
  });

  it('at a closed port is one', async () => {
    const thrown = await failureOf(serdeAt('http://127.0.0.1:1/apis/ccompat/v7').valueDecoder(avro(recordOf('int'))).prepare(batch));
    expect(thrown).to.be.instanceOf(RetryError);
    expect(String(thrown)).to.include('ECONNREFUSED');
  });

  it('is another thing than one that does not let us in', async () => {
    const { url, asked } = await registry(() => ({ status: 401, body: { error_code: 401, message: 'Unauthorized' } }));
    expect(await failureOf(serdeAt(url).valueDecoder(avro(recordOf('int'))).prepare(batch))).to.be.instanceOf(StopError);
    expect(asked).to.have.length(1);
  });
});

describe('registering a schema', () => {
  /** Answers as a registry whose subjects have this compatibility level. */
  const accepting = (level: string | null): Answer => (request) => {
    if (request.url!.includes('/config/')) return level === null ? { status: 404, body: { error_code: 40401, message: 'Subject not found' } } : { status: 200, body: { compatibilityLevel: level } };
    return { status: 200, body: { id: 258 } };
  };

  for (const level of [null, 'BACKWARD', 'NONE', 'FULL_TRANSITIVE']) {
    it(`works for a subject ${level === null ? 'that is new' : `of compatibility ${level}`}, whose level it leaves alone`, async () => {
      const { url, asked } = await registry(accepting(level));
      const encoder = serdeAt(url).valueEncoder(avro(recordOf('int')), 'my topic');
      await encoder.prepare();
      expect((encoder.encode({ v: 1 }) as Buffer).toString('hex')).to.equal('000000010202');
      expect(asked.filter((line) => line.startsWith('POST'))).to.deep.equal(['POST /apis/ccompat/v7/subjects/my%20topic-value/versions']);
      expect(asked.filter((line) => line.startsWith('PUT'))).to.deep.equal([]);
    });
  }

  it('happens once, however often it is asked for', async () => {
    const { url, asked } = await registry(accepting(null));
    const encoder = serdeAt(url).valueEncoder(avro(recordOf('int')), 't');
    await Promise.all([encoder.prepare(), encoder.prepare()]);
    await encoder.prepare();
    expect(asked.filter((line) => line.startsWith('POST'))).to.have.length(1);
  });

  it('sends the schema as the topology has it, attributes and all', async () => {
    const bodies: string[] = [];
    const { url } = await registry((request, body) => {
      if (body !== '') bodies.push(body);
      return accepting(null)(request, body);
    });
    const codec = avro(recordOf({ type: 'string', 'connect.name': 'io.debezium.data.Uuid' }));
    await serdeAt(url).valueEncoder(codec, 't').prepare();
    expect(JSON.parse((JSON.parse(bodies[0]!) as { schema: string }).schema)).to.deep.equal(codec.schema.avro);
  });

  it('stops the worker when the registry refuses the schema, with its words', async () => {
    const { url } = await registry((request, body) => (request.method === 'POST' ? { status: 409, body: { error_code: 409, message: 'Incompatible schema: field v was removed' } } : accepting('BACKWARD')(request, body)));
    const thrown = await failureOf(serdeAt(url).valueEncoder(avro(recordOf('int')), 't').prepare());
    expect(thrown).to.be.instanceOf(StopError);
    expect(String(thrown)).to.include('the registry refuses the schema of t-value: Incompatible schema: field v was removed');
  });

  it('is tried again after an outage', async () => {
    let up = false;
    const { url } = await registry((request, body) => (up ? accepting(null)(request, body) : { status: 503, body: { message: 'starting' } }));
    const encoder = serdeAt(url).valueEncoder(avro(recordOf('int')), 't');
    expect(await failureOf(encoder.prepare())).to.be.instanceOf(RetryError);
    up = true;
    await encoder.prepare();
    expect(encoder.encode({ v: 1 })).to.have.length(6);
  });
});

describe('credentials of the registry', () => {
  const secret = 'p@ss:word';
  const header = `Basic ${Buffer.from(`me:${secret}`).toString('base64')}`;

  it('are sent, from the URL or beside it', async () => {
    const { url, headers } = await registry(() => unknown);
    const inUrl = url.replace('//', `//me:${encodeURIComponent(secret)}@`);
    await new RegistrySchemas({ url: inUrl, clock: new ManualClock(), log: silentLogger }).fetch(1);
    await new RegistrySchemas({ url, auth: { username: 'me', password: secret }, clock: new ManualClock(), log: silentLogger }).fetch(1);
    expect(new Set(headers.map(({ authorization }) => authorization))).to.deep.equal(new Set([header]));
  });

  it('never stand in an error', async () => {
    const url = `http://me:${encodeURIComponent(secret)}@127.0.0.1:1/x`;
    const thrown = await failureOf(new RegistrySchemas({ url, clock: new ManualClock(), log: silentLogger }).fetch(1));
    expect(String(thrown)).to.include('http://127.0.0.1:1/x').and.not.include('ss:word').and.not.include('ss%3Aword');
  });
});
