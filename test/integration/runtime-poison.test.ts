/** Records that cannot be processed: each stands whole in the dead-letter topic with the reason, and its partition goes on. */
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { after, before, describe, it } from 'mocha';
import { avro, keyBy, map, scan, schema, stream, through, to, topology, validate, json } from 'millrace/topology';
import { kafka, redis } from 'millrace/sinks';
import { avroMessage, deleteSubject, registerSchema, wire } from './support/avro-messages.ts';
import { Handles, type Started } from './support/handles.ts';
import { eventually, Lab, type ReadRecord } from './support/lab.ts';

interface Reading {
  readonly id: number;
  readonly sensor: string;
  readonly celsius: number;
}

const SCHEMA = {
  type: 'record', name: 'Reading', namespace: 'test',
  fields: [{ name: 'id', type: 'int' }, { name: 'sensor', type: 'string' }, { name: 'celsius', type: 'double' }],
} as const;
const reading = schema<Reading>(SCHEMA);
const HUGE_BYTES = 1_200_000;
const UNKNOWN_ID = 99_999_999;
const REGISTRY_URL = process.env.MILLRACE_REGISTRY_URL!;
const REDIS_URL = process.env.MILLRACE_REDIS_URL!;

const poisoned = (app: string) => {
  const clean = stream(`${app}.readings`, avro(reading)).pipe(
    validate({ aboveAbsoluteZero: (r) => r.celsius >= -273.15 }),
    map((r) => {
      if (r.sensor === 'throws') throw new RangeError(`cannot do ${r.id}`);
      return r.sensor === 'huge' ? { ...r, sensor: 'x'.repeat(HUGE_BYTES) } : r;
    }),
    keyBy((r) => (r.sensor === 'keyless' ? (undefined as unknown as string) : r.sensor)),
    through(`${app}.clean`, avro(reading)),
  );
  return topology(app,
    clean.pipe(scan('last', (_, r) => (r.sensor === 'stateless' ? { at: 1n as unknown as number } : { at: r.id }), { state: json<{ at: number }>(), seed: { at: 0 } }), to('states', kafka(`${app}.states`, json<{ at: number }>()))),
    clean.pipe(to('board', redis.increment({
      key: (r) => {
        if (r.sensor === 'no-command') throw new TypeError('no command for this one');
        return `${app}:${r.sensor}`;
      },
      fields: () => ({ readings: 1 }),
    }))),
  );
};

describe('records that cannot be processed', function () {
  this.timeout(180_000);
  const lab = new Lab('poison');
  const handles = new Handles();
  const client = new Redis(REDIS_URL, { lazyConnect: true });
  let worker: Started;
  let schemaId = 0;
  const good = (id: number, fields: Partial<Reading> = {}): Buffer => avroMessage(schemaId, SCHEMA, { id, sensor: 'a', celsius: 20, ...fields });
  let records: readonly Buffer[] = [];
  let letters: ReadRecord[] = [];
  let sinkLetters: ReadRecord[] = [];
  let stateLetters: ReadRecord[] = [];

  before(async () => {
    await client.connect();
    await lab.topic('readings', 1, { 'max.message.bytes': '3000000' });
    schemaId = await registerSchema(REGISTRY_URL, `${lab.app}.readings-value`, SCHEMA);
    records = [
      good(0),
      wire(schemaId, Buffer.from([2, 200])),
      wire(UNKNOWN_ID, Buffer.from([0])),
      Buffer.from('not Avro at all'),
      Buffer.alloc(0),
      good(5, { sensor: 'throws' }),
      good(6, { celsius: -300 }),
      good(7, { sensor: 'huge' }),
      good(8, { sensor: 'keyless' }),
      Buffer.concat([wire(schemaId, Buffer.alloc(2_500_000, 0xff))]),
      good(10, { sensor: 'stateless' }),
      good(11, { sensor: 'no-command' }),
      good(12),
    ];
    worker = handles.start(poisoned(lab.app), { settings: { failuresAtPosition: 3 } });
    for (const [i, value] of records.entries()) await lab.send(`${lab.app}.readings`, [{ key: `key-${i}`, value, headers: { trace: `t-${i}` }, timestamp: String(1_750_000_000_000 + i) }]);
    await eventually(async () => Number(await client.hget(`${lab.app}:a`, 'readings')) === 2, () => JSON.stringify(worker.log.lines.slice(-5)));
    await eventually(async () => (await lab.readJson<{ at: number }>(`${lab.app}.states`)).length === 3, () => 'three states');
    const topics = ['readings', 'board', 'clean'].map((stage) => (stage === 'board' ? `${lab.app}-board-dlq` : `${lab.app}-${lab.app}.${stage}-dlq`));
    await eventually(async () => (await lab.count(topics[1]!)) > 0, () => 'the sink’s dead letter');
    [letters, sinkLetters, stateLetters] = await Promise.all(topics.map((topic) => lab.read(topic))) as [ReadRecord[], ReadRecord[], ReadRecord[]];
  });

  after(async () => {
    await handles.stop();
    const keys = await client.keys(`*${lab.app}*`);
    if (keys.length > 0) await client.del(keys);
    client.disconnect();
    for (const topic of ['readings', 'clean']) await deleteSubject(REGISTRY_URL, `${lab.app}.${topic}-value`);
    await lab.close();
  });

  it('stand in the dead-letter topic byte for byte, once each, with their keys and headers', () => {
    expect(letters.map(({ key, headers }) => [key, headers.trace])).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => [`key-${i}`, `t-${i}`]));
    for (const [n, letter] of letters.entries()) expect(letter.value?.equals(records[n + 1]!), `record ${n + 1}`).to.equal(true);
  });

  it('say where they came from and what was wrong', () => {
    const said = letters.map(({ headers }) => [
      headers['__streams.errors.topic'], headers['__streams.errors.partition'], headers['__streams.errors.offset'], headers['__millrace.errors.stage'],
      headers['__streams.errors.exception'], headers['__millrace.errors.rule'] ?? null,
    ]);
    const topic = `${lab.app}.readings`;
    const at = (offset: number, error: string, rule: string | null = null) => [topic, '0', String(offset), topic, error, rule];
    expect(said).to.deep.equal([
      at(1, 'DeadLetterError'), at(2, 'DeadLetterError'), at(3, 'DeadLetterError'), at(4, 'DeadLetterError'), at(5, 'RangeError'),
      at(6, 'DeadLetterError', 'aboveAbsoluteZero'), at(7, 'DeadLetterError'), at(8, 'DeadLetterError'), at(9, 'DeadLetterError'),
    ]);
    const messages = letters.map(({ headers }) => headers['__streams.errors.message']);
    expect(messages[1]).to.equal(`the registry knows no schema ${UNKNOWN_ID}`);
    expect(messages[4]).to.equal('cannot do 5');
    expect(messages[5]).to.include("breaks the rule 'aboveAbsoluteZero'");
    expect(messages[6]).to.match(/would take \d+ bytes of topic .*\.clean, which takes \d+ at most/);
    expect(messages[7]).to.include('the key is undefined');
    expect(letters[4]?.headers['__millrace.errors.node']).to.match(/^stream\(.*readings\) > validate\(aboveAbsoluteZero\) > map$/);
  });

  it('that a sink cannot take, or whose state cannot be kept, are dead letters of their stages', () => {
    expect(sinkLetters.map(({ headers }) => [headers['__millrace.errors.stage'], headers['__streams.errors.topic'], headers['__streams.errors.message']])).to.deep.equal([
      ['board', `${lab.app}.clean`, "The sink's key, member, score or fields threw: no command for this one"],
    ]);
    expect(stateLetters.map(({ key, headers }) => [key, headers['__streams.errors.exception']])).to.deep.equal([['stateless', 'DeadLetterError']]);
  });

  it('hold up nothing behind them and are counted', async () => {
    expect((await lab.readJson<{ at: number }>(`${lab.app}.states`)).map(({ at }) => at)).to.deep.equal([0, 11, 12]);
    const figures = worker.handle.figures().stages;
    expect(figures.find((s) => s.stage === `${lab.app}.readings`)).to.include({ recordsIn: 13, deadLetters: 9, recordsOut: 4 });
    expect(figures.find((s) => s.sink === 'board')).to.include({ recordsIn: 4, deadLetters: 1, recordsOut: 3 });
  });

  it('are written about at a bounded rate', () => {
    const warned = worker.log.said('a record went to the dead letters').filter((line) => line.stage === `${lab.app}.readings`);
    expect(warned.length).to.be.above(0).and.below(9);
  });
});
