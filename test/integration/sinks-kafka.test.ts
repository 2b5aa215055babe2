/** The Kafka sink has no driver: it writes within the task's transaction. Here it stands behind one, so that it is held to what the others are. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { json, stream, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { systemClock } from '../../lib/core/clock.ts';
import { RejoinError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import type { Position, TransactionalProducer } from '../../lib/kafka/port.ts';
import { plan } from '../../lib/plan/plan.ts';
import { StageOutputs } from '../../lib/runtime/outputs.ts';
import { serdesOf } from '../../lib/runtime/serdes.ts';
import { createSerde } from '../../lib/serde/index.ts';
import type { SinkContext, SinkDriver, SinkRecord, SinkTask, SinkWriter, WriteResult } from '../../lib/sinks/contract.ts';
import { Outcome, refusalOf } from '../../lib/sinks/outcome.ts';
import { describeConformance, type Place } from './support/conformance.ts';
import { Handles } from './support/handles.ts';
import { Broker } from './support/kafka-broker.ts';
import { eventually, Lab } from './support/lab.ts';
import { testConfig, type Item } from './support/sinks.ts';

const MAX_BYTES = 100_000;
const PARTITIONS = 2;
const CONFIG = { 'max.message.bytes': String(MAX_BYTES), 'retention.ms': '-1' };

interface Written extends Item { readonly place: string; readonly filling: string }

const broker = new Broker('sinks-kafka');
const groups = new Set<string>();
let input: string;
let output: string;

const outputsOf = (): StageOutputs => {
  const sink = kafka(output, json<Written>(), {
    headers: ({ throws }: Written) => {
      if (throws === true) throw new Error('on purpose');
      return [];
    },
  });
  const stage = plan(topology('sinks-kafka', stream(input, json<Written>()).pipe(to('out', sink)))).stages[0]!;
  const serdes = serdesOf(createSerde({ registryUrl: null, clock: systemClock, log: silentLogger }));
  return new StageOutputs({ stage, serdes, partitions: new Map([[output, PARTITIONS]]), maxBytes: new Map([[output, MAX_BYTES]]), config: testConfig });
};

/** Does as a task does that writes to a topic: a fresh owner begins where the group stands; what it has written, and the offsets behind that, are one transaction. */
class TransactionWriter implements SinkWriter {
  readonly #place: string;
  readonly #task: SinkTask;
  readonly #group: string;
  readonly #outputs = outputsOf();
  #producer: TransactionalProducer | null = null;
  #fenced: RejoinError | null = null;
  #starts: readonly number[] = [];

  constructor(place: string, { app, sink }: SinkContext, task: SinkTask) {
    this.#place = place;
    this.#task = task;
    this.#group = `${app}.${sink}`;
    groups.add(this.#group);
  }

  async open(): Promise<TransactionalProducer> {
    if (this.#fenced !== null) throw this.#fenced;
    const partitions = this.#task.partitions.map(({ partition }) => ({ topic: input, partition }));
    const producer = await broker.newProducer(`${this.#group}.${partitions[0]!.partition}`);
    const committed = await broker.admin.committed(this.#group, partitions);
    this.#starts = partitions.map(({ partition }) => committed.find((position) => position.partition === partition)?.offset ?? 0);
    this.#producer = producer;
    return producer;
  }

  async positions(): Promise<readonly number[]> {
    return Promise.resolve(this.#starts);
  }

  async write(batch: readonly SinkRecord[]): Promise<WriteResult> {
    const producer = this.#producer ?? await this.open();
    try {
      return await this.#commit(producer, batch);
    } catch (error) {
      // What became of it is unknown: only a new owner learns that.
      this.#producer = null;
      await producer.close();
      if (error instanceof RejoinError) this.#fenced = error;
      throw error;
    }
  }

  async #commit(producer: TransactionalProducer, batch: readonly SinkRecord[]): Promise<WriteResult> {
    const outcome = new Outcome();
    const records = producer.batch();
    const none = { append: (): void => {} };
    const starts = [...this.#starts];
    batch.forEach((record, index) => {
      const at = this.#task.partitions.findIndex(({ partition }) => partition === record.partition);
      const item = record.value as Item;
      const value: Written = { ...item, place: this.#place, filling: item.bad === true ? 'x'.repeat(MAX_BYTES) : '' };
      try {
        // What lies below its position a task does not read again.
        this.#outputs.write(0, value, { ...record, swapKey: () => null, restoreKey: () => {} }, record.offset < starts[at]! ? none : records);
      } catch (thrown) {
        outcome.refuse(index, refusalOf(thrown, 'headers'), 'writer');
      }
      starts[at] = Math.max(starts[at]!, record.offset + 1);
    });
    const positions = this.#task.partitions.map(({ partition }, at): Position => ({ topic: input, partition, offset: starts[at]! })).filter(({ offset }, at) => offset > this.#starts[at]!);
    if (records.count > 0) await producer.send(records);
    await producer.sendOffsets(this.#group, positions);
    await producer.commit();
    this.#starts = starts;
    return outcome.result();
  }

  async close(): Promise<void> {
    await this.#producer?.close();
  }
}

const ask = async (): Promise<void> => void (await broker.admin.describeTopics([output]));

const place = async (): Promise<Place> => {
  const name = crypto.randomUUID();
  const starts = await broker.admin.endOffsets(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: output, partition })), 'read_uncommitted');
  return {
    driver: (context): SinkDriver => ({
      keepsPositions: true, open: ask, health: ask, close: () => Promise.resolve(),
      writer: async (task) => {
        const writer = new TransactionWriter(name, context, task);
        await writer.open();
        return writer;
      },
    }),
    contents: async () => {
      const counts = new Map<string, number>();
      // A transaction's marker may be on its way still: the reader waits for it.
      const ends = await broker.admin.endOffsets(starts, 'read_uncommitted');
      for (const [partition, { offset }] of ends.entries()) {
        for (const { value } of await broker.readTo(output, offset, starts[partition]!.offset, partition)) {
          const written = JSON.parse(value!) as Written;
          if (written.place === name) counts.set(written.id, (counts.get(written.id) ?? 0) + 1);
        }
      }
      return counts;
    },
  };
};

describeConformance({
  name: 'kafka',
  promises: { fence: true, owners: 'made', stopsBeforeTheFirst: false },
  // Its outages are those of the port: test/conformance/kafka-port.ts and kafka-faults.test.ts.
  proxy: null,
  start: async () => {
    input = await broker.newTopic(PARTITIONS);
    output = await broker.newTopic(PARTITIONS, CONFIG);
  },
  stop: async () => {
    await broker.admin.deleteGroups([...groups]);
    await broker.close();
  },
  place,
});

describe('kafka', function () {
  this.timeout(30_000);
  const lab = new Lab('sinks-kafka');
  const handles = new Handles();

  before(() => lab.topic('out', 1, CONFIG));
  after(async () => {
    await handles.stop();
    await lab.close();
  });

  it('has a record that is too large for its topic in the dead letters, whole, and the others on the topic', async () => {
    // Together they are larger than the topic's batches may be.
    const many = Array.from({ length: 50 }, (_, i) => `${i} ${'y'.repeat(MAX_BYTES / 10)}`);
    const texts = ['first', 'x'.repeat(2 * MAX_BYTES), ...many, 'last'];
    const topic = await lab.topic('in', 1);
    handles.start(topology(lab.app, stream(topic, json<string>()).pipe(to('out', kafka(`${lab.app}.out`, json<string>())))));
    await lab.send(topic, texts.map((text) => ({ key: 'k', value: JSON.stringify(text) })));
    await eventually(async () => (await lab.readJson(`${lab.app}.out`)).length === 2 + many.length, () => 'all but one record');
    expect(await lab.readJson(`${lab.app}.out`)).deep.equal(['first', ...many, 'last']);
    const [letter, ...more] = await lab.read(`${lab.app}-${topic}-dlq`);
    expect(more).deep.equal([]);
    expect(JSON.parse(String(letter!.value))).equal(texts[1]);
    expect(letter!.headers['__streams.errors.message']).match(new RegExp(`would take \\d+ bytes of topic ${lab.app}\\.out, which takes ${MAX_BYTES} at most`));
  });
});
