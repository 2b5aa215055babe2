import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { after, before, describe, it } from 'mocha';
import { firstValueFrom, filter, ReplaySubject, timeout } from 'rxjs';
import { systemClock } from '../../lib/core/clock.ts';
import { RejoinError, RetryError, StopError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { OffsetOutOfRangeError } from '../../lib/kafka/errors.ts';
import { kafkaPort } from '../../lib/kafka/kafkajs/index.ts';
import type { BatchReader, FetchedBatch, GroupEvent, GroupMember, KafkaAdmin, KafkaPort, RecordHeaders, TransactionalProducer } from '../../lib/kafka/port.ts';

const BROKERS = (process.env['MILLRACE_KAFKA_BROKERS'] ?? '127.0.0.1:19092').split(',');
const PREFIX = `kport-${process.pid}`;
const LIMITS = { maxWaitMs: 100, maxBytes: 8_000_000, maxBytesPerPartition: 1_000_000 };
const GROUP_TIMES = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };

interface Plain {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: RecordHeaders;
}

const portTo = (brokers: readonly string[]): KafkaPort =>
  kafkaPort({ brokers, clientId: PREFIX, clock: systemClock, log: silentLogger, requestTimeoutMs: 3_000 });

const plain = (batch: FetchedBatch): Plain[] =>
  Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offset(i),
    timestamp: batch.timestamp(i),
    key: batch.key(i)?.toString() ?? null,
    value: batch.value(i)?.toString() ?? null,
    headers: batch.headers(i),
  }));

describe('the Kafka port on a real broker', function () {
  this.timeout(15_000);
  const kafka = new kafkajs.Kafka({ brokers: BROKERS, clientId: PREFIX, logLevel: kafkajs.logLevel.NOTHING });
  const made: string[] = [];
  let port: KafkaPort;
  let admin: KafkaAdmin;
  let reader: BatchReader;

  before(() => {
    port = portTo(BROKERS);
    admin = port.admin();
    reader = port.reader();
  });

  after(async () => {
    await port.close();
    const cleaner = kafka.admin();
    await cleaner.connect();
    if (made.length > 0) await cleaner.deleteTopics({ topics: made });
    await cleaner.disconnect();
  });

  const newTopic = async (partitions = 1, config: Record<string, string> = {}): Promise<string> => {
    const topic = `${PREFIX}-${made.length}`;
    made.push(topic);
    expect(await admin.createTopics([{ topic, partitions, replicationFactor: 1, config }])).to.deep.equal([topic]);
    return topic;
  };

  let ids = 0;
  const newProducer = async (transactionalId = `${PREFIX}.${(ids += 1)}`, from = port): Promise<TransactionalProducer> => {
    const producer = from.producer(transactionalId, { transactionTimeoutMs: 20_000 });
    await producer.init();
    return producer;
  };

  const write = async (producer: TransactionalProducer, topic: string, values: readonly string[], partition = 0): Promise<void> => {
    const batch = producer.batch();
    // Present times: an old one followed by a marker of today makes the broker roll the segment, and a fetch ends with its segment.
    for (const value of values) batch.append(topic, partition, 'key', value, systemClock.now());
    await producer.send(batch);
  };

  /** Reads one partition from `from` until the last stable offset is `end`, the number of all offsets there are. */
  const readTo = async (topic: string, end: number, from = 0, partition = 0, limits = LIMITS): Promise<Plain[]> => {
    const records: Plain[] = [];
    const deadline = systemClock.monotonic() + 8_000;
    for (let offset = from; offset < end; ) {
      if (systemClock.monotonic() > deadline) throw new Error(`stuck at ${offset} of ${end}`);
      for (const batch of await reader.fetch([{ topic, partition, offset }], limits)) {
        expect(batch.nextOffset).to.be.above(offset);
        offset = batch.nextOffset;
        records.push(...plain(batch));
      }
    }
    return records;
  };

  const values = (records: readonly Plain[]): (string | null)[] => records.map(({ value }) => value);

  const readByKafkaJs = async (topic: string, count: number): Promise<unknown[]> => {
    const consumer = kafka.consumer({ groupId: `${topic}-check`, maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ message }) => {
            seen.push([message.offset, message.timestamp, message.key?.toString() ?? null, message.value?.toString() ?? null, Object.entries(message.headers ?? {}).map(([name, value]) => [name, value?.toString()])]);
            if (seen.length >= count) resolve();
          },
        })
        .catch(reject);
    });
    await consumer.disconnect();
    return seen;
  };

  const failure = async (promise: Promise<unknown>): Promise<unknown> => {
    try {
      await promise;
    } catch (thrown) {
      return thrown;
    }
    throw new Error('expected a rejection');
  };

  it('creates topics once and describes those that exist', async () => {
    const topic = await newTopic(3, { 'cleanup.policy': 'compact' });
    expect(await admin.createTopics([{ topic, partitions: 5, replicationFactor: 1, config: {} }])).to.deep.equal([]);
    const described = await admin.describeTopics([topic, `${PREFIX}-absent`]);
    expect(described.map((entry) => [entry.topic, entry.partitions, entry.config['cleanup.policy']])).to.deep.equal([[topic, 3, 'compact']]);
  });

  it('writes what it and KafkaJS read back alike: keys, nulls, headers, times out of order, batches that are split', async () => {
    const topic = await newTopic();
    const producer = await newProducer();
    const batch = producer.batch();
    batch.append(topic, 0, 'a', 'one', 1_700_000_000_500, [['trace', Buffer.from('t1')], ['none', Buffer.alloc(0)]]);
    batch.append(topic, 0, null, Buffer.from('ünï'), 1_600_000_000_000);
    batch.append(topic, 0, 'gone', null, 1_700_000_000_600);
    for (let i = 0; i < 4; i += 1) batch.append(topic, 0, `big${i}`, `${i}`.repeat(500_000), 1_700_000_001_000 + i);
    await producer.send(batch);
    await producer.commit();
    const expected: Plain[] = [
      { offset: 0, timestamp: 1_700_000_000_500, key: 'a', value: 'one', headers: [['trace', Buffer.from('t1')], ['none', Buffer.alloc(0)]] },
      { offset: 1, timestamp: 1_600_000_000_000, key: null, value: 'ünï', headers: [] },
      { offset: 2, timestamp: 1_700_000_000_600, key: 'gone', value: null, headers: [] },
      ...[0, 1, 2, 3].map((i) => ({ offset: 3 + i, timestamp: 1_700_000_001_000 + i, key: `big${i}`, value: `${i}`.repeat(500_000), headers: [] })),
    ];
    expect(await readTo(topic, 8)).to.deep.equal(expected);
    expect(await readByKafkaJs(topic, 7)).to.deep.equal(
      expected.map(({ offset, timestamp, key, value, headers }) => [`${offset}`, `${timestamp}`, key, value, headers.map(([name, content]) => [name, content?.toString()])]),
    );
  });

  it('reads what KafkaJS writes, plain and gzip', async () => {
    const topic = await newTopic();
    const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = (from: number) =>
      Array.from({ length: 50 }, (_, i) => ({ key: `k${from + i}`, value: `v${from + i}`, timestamp: `${1_700_000_000_000 + from + i}`, headers: { n: `${from + i}` } }));
    await producer.send({ topic, messages: messages(0) });
    await producer.send({ topic, messages: messages(50), compression: kafkajs.CompressionTypes.GZIP });
    await producer.disconnect();
    expect(await readTo(topic, 100)).to.deep.equal(
      Array.from({ length: 100 }, (_, i) => ({ offset: i, timestamp: 1_700_000_000_000 + i, key: `k${i}`, value: `v${i}`, headers: [['n', Buffer.from(`${i}`)]] })),
    );
  });

  it('keeps the order of records over many batches, requests and transactions', async () => {
    const topic = await newTopic(2);
    const small = kafkaPort({ brokers: BROKERS, clientId: PREFIX, clock: systemClock, log: silentLogger, requestTimeoutMs: 3_000, maxBatchBytes: 500 });
    const producer = await newProducer(undefined, small);
    for (let round = 0; round < 3; round += 1) {
      const batch = producer.batch();
      for (let i = 0; i < 500; i += 1) batch.append(topic, i % 2, null, `${round * 500 + i}`, 0);
      await producer.send(batch);
      await producer.commit();
    }
    await small.close();
    const odd = Array.from({ length: 750 }, (_, i) => `${i * 2 + 1}`);
    expect(values(await readTo(topic, 753, 0, 1))).to.deep.equal(odd);
  });

  it('never shows aborted records, and shows committed ones around them', async () => {
    const topic = await newTopic();
    const [one, other] = [await newProducer(), await newProducer()];
    await write(one, topic, ['a1', 'a2']);
    await write(other, topic, ['b1']);
    await one.abort();
    await write(one, topic, ['c1']);
    await other.commit();
    await one.commit();
    await write(one, topic, ['d1']);
    await one.abort();
    await write(one, topic, ['e1']);
    await one.commit();
    for (let from = 0; from < 11; from += 1) {
      const expected = [['b1', 2], ['c1', 4], ['e1', 9]] as const;
      expect((await readTo(topic, 11, from)).map(({ value, offset }) => [value, offset])).to.deep.equal(expected.filter(([, offset]) => offset >= from));
    }
  });

  it('ends at the last stable offset while a transaction is open', async () => {
    const topic = await newTopic();
    const [open, done] = [await newProducer(), await newProducer()];
    await write(done, topic, ['before']);
    await done.commit();
    await readTo(topic, 2);
    await write(open, topic, ['pending']);
    const partitions = [{ topic, partition: 0 }];
    expect((await admin.endOffsets(partitions, 'read_committed'))[0]!.offset).to.equal(2);
    expect((await admin.endOffsets(partitions, 'read_uncommitted'))[0]!.offset).to.equal(3);
    const [batch] = await reader.fetch([{ topic, partition: 0, offset: 0 }], LIMITS);
    expect([batch!.highWatermark, batch!.lastStableOffset, batch!.nextOffset]).to.deep.equal([3, 2, 2]);
    expect(await reader.fetch([{ topic, partition: 0, offset: 2 }], LIMITS)).to.deep.equal([]);
    await open.commit();
    expect(values(await readTo(topic, 4, 2))).to.deep.equal(['pending']);
    expect((await reader.endOffsets(partitions, 'read_committed'))[0]!.offset).to.equal(4);
  });

  it('fences the old owner, aborts its transaction, and only grows its owners', async () => {
    const topic = await newTopic();
    const id = `${PREFIX}.fenced`;
    const old = port.producer(id, { transactionTimeoutMs: 20_000 });
    const first = await old.init();
    await write(old, topic, ['lost']);
    const next = port.producer(id, { transactionTimeoutMs: 20_000 });
    const second = await next.init();
    expect(second.producerId > first.producerId || (second.producerId === first.producerId && second.epoch > first.epoch)).to.equal(true);
    const fenced = await failure(old.commit());
    expect(fenced).to.be.instanceOf(RejoinError);
    expect(await failure(old.send(old.batch()))).to.equal(fenced);
    await write(next, topic, ['kept']);
    await next.commit();
    expect(values(await readTo(topic, 4))).to.deep.equal(['kept']);
  });

  it('fences a send and an offset commit of the old owner too', async () => {
    const topic = await newTopic();
    for (const [name, act] of [
      ['send', (producer: TransactionalProducer) => write(producer, topic, ['x'])],
      ['sendOffsets', (producer: TransactionalProducer) => producer.sendOffsets(`${PREFIX}-fence`, [{ topic, partition: 0, offset: 1 }])],
    ] as const) {
      const old = await newProducer(`${PREFIX}.fence-${name}`);
      await newProducer(`${PREFIX}.fence-${name}`);
      expect(await failure(act(old))).to.be.instanceOf(RejoinError);
    }
  });

  it('shows committed offsets only after the transaction, and none of an aborted one', async () => {
    const topic = await newTopic(2);
    const group = `${PREFIX}-offsets`;
    const partitions = [{ topic, partition: 0 }, { topic, partition: 1 }];
    const producer = await newProducer();
    expect(await admin.committed(group, partitions)).to.deep.equal([]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 5 }]);
    const pending = admin.committed(group, partitions);
    expect(await Promise.race([pending, systemClock.sleep(200).then(() => 'waits')])).to.equal('waits');
    await producer.commit();
    expect(await pending).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 9 }]);
    await producer.abort();
    expect(await admin.committed(group, partitions)).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
  });

  it('refuses offsets of a member that the group does not know', async () => {
    const topic = await newTopic();
    const producer = await newProducer();
    const stranger = { memberId: 'nobody', generation: 7 };
    expect(await failure(producer.sendOffsets(`${PREFIX}-strangers`, [{ topic, partition: 0, offset: 1 }], stranger))).to.be.instanceOf(RejoinError);
  });

  it('names topic, partition and size of a record that is too large', async () => {
    const topic = await newTopic(1, { 'max.message.bytes': '10000' });
    const producer = await newProducer();
    const thrown = await failure(write(producer, topic, ['x'.repeat(20_000)]));
    expect(thrown).to.be.instanceOf(StopError);
    expect((thrown as Error).message).to.match(new RegExp(`MESSAGE_TOO_LARGE \\(200\\d\\d bytes in a batch of one record\\).*${topic}\\[0\\]`));
  });

  it('refuses calls before init, at the same time and after close', async () => {
    const topic = await newTopic();
    const raw = port.producer(`${PREFIX}.order`, { transactionTimeoutMs: 20_000 });
    expect(await failure(raw.commit())).to.be.instanceOf(StopError);
    const producer = await newProducer();
    const sending = write(producer, topic, ['x']);
    expect(await failure(producer.commit())).to.be.instanceOf(StopError);
    await sending;
    await producer.commit();
    await producer.close();
    expect(await failure(producer.commit())).to.be.instanceOf(StopError);
  });

  it('reads a batch that is larger than both limits, behind another partition too', async () => {
    const topic = await newTopic(2);
    const producer = await newProducer();
    await write(producer, topic, ['x'.repeat(300_000)], 1);
    for (let i = 0; i < 20; i += 1) await write(producer, topic, ['y'.repeat(1_000)], 0);
    await producer.commit();
    const limits = { maxWaitMs: 50, maxBytes: 2_000, maxBytesPerPartition: 2_000 };
    expect(await readTo(topic, 2, 0, 1, limits)).to.have.length(1);
    const positions = [{ topic, partition: 0, offset: 0 }, { topic, partition: 1, offset: 0 }];
    let rounds = 0;
    for (let big = 0; big === 0; rounds += 1) {
      const batches = await reader.fetch(positions, limits);
      big = batches.filter(({ partition }) => partition === 1).length;
    }
    expect(rounds).to.be.at.most(3);
  });

  it('rejects with the positions that the log does not hold', async () => {
    const topic = await newTopic(2);
    const producer = await newProducer();
    await write(producer, topic, ['a', 'b', 'c']);
    await producer.commit();
    await readTo(topic, 4);
    await admin.deleteRecordsBefore([{ topic, partition: 0, offset: 2 }]);
    expect(await admin.startOffsets([{ topic, partition: 0 }])).to.deep.equal([{ topic, partition: 0, offset: 2 }]);
    for (const offset of [1, 50]) {
      const thrown = await failure(reader.fetch([{ topic, partition: 0, offset }, { topic, partition: 1, offset: 0 }], LIMITS));
      expect(thrown).to.be.instanceOf(OffsetOutOfRangeError);
      expect((thrown as OffsetOutOfRangeError).positions).to.deep.equal([{ topic, partition: 0, offset }]);
    }
    expect(values(await readTo(topic, 4, 2))).to.deep.equal(['c']);
  });

  it('asks to retry for a topic that does not exist', async () => {
    expect(await failure(reader.fetch([{ topic: `${PREFIX}-absent`, partition: 0, offset: 0 }], LIMITS))).to.be.instanceOf(RetryError);
  });

  describe('groups', () => {
    const members: GroupMember[] = [];
    const newMember = (topics: readonly string[], groupId: string): { member: GroupMember; events: ReplaySubject<GroupEvent> } => {
      const member = port.group({ groupId, topics, ...GROUP_TIMES });
      members.push(member);
      const events = new ReplaySubject<GroupEvent>();
      member.events$.subscribe(events);
      return { member, events };
    };
    const next = (events: ReplaySubject<GroupEvent>, holds: number): Promise<GroupEvent & { type: 'assigned' }> =>
      firstValueFrom(
        events.pipe(
          filter((event): event is GroupEvent & { type: 'assigned' } => event.type === 'assigned' && event.partitions.length === holds),
          timeout(8_000),
        ),
      );
    const numbers = (event: GroupEvent & { type: 'assigned' }, topic: string): number[] =>
      event.partitions.filter((p) => p.topic === topic).map((p) => p.partition).toSorted();

    after(async () => {
      await Promise.all(members.map((member) => member.leave()));
    });

    it('shares the partitions of co-partitioned topics and hands them back', async () => {
      const [left, right] = [await newTopic(4), await newTopic(4)];
      const group = `${PREFIX}-shared`;
      const one = newMember([left, right], group);
      await one.member.join();
      const alone = await next(one.events, 8);
      expect(alone.membership.generation).to.equal(1);
      const two = newMember([left, right], group);
      await two.member.join();
      const [kept, given] = [await next(one.events, 4), await next(two.events, 4)];
      expect(numbers(kept, left)).to.deep.equal(numbers(kept, right));
      expect(numbers(given, left)).to.deep.equal(numbers(given, right));
      expect([...numbers(kept, left), ...numbers(given, left)].toSorted()).to.deep.equal([0, 1, 2, 3]);
      expect(given.membership.generation).to.equal(2);
      const producer = await newProducer();
      await producer.sendOffsets(group, [{ topic: left, partition: 0, offset: 3 }], given.membership);
      await producer.commit();
      const stale = await newProducer();
      expect(await failure(stale.sendOffsets(group, [{ topic: left, partition: 0, offset: 1 }], { ...kept.membership, generation: 1 }))).to.be.instanceOf(RejoinError);
      await one.member.leave();
      const back = await firstValueFrom(two.events.pipe(filter((e) => e.type === 'assigned' && e.partitions.length === 8), timeout(8_000)));
      expect(back.type).to.equal('assigned');
      await two.member.leave();
      expect(await admin.committed(group, [{ topic: left, partition: 0 }])).to.deep.equal([{ topic: left, partition: 0, offset: 3 }]);
    });

    it('tells that membership is lost when its connections break, and joins again', async () => {
      const topic = await newTopic(2);
      const proxy = await startProxy();
      const through = portTo([proxy.address]);
      const member = through.group({ groupId: `${PREFIX}-broken`, topics: [topic], ...GROUP_TIMES });
      const events: GroupEvent['type'][] = [];
      const assigned = new ReplaySubject<GroupEvent>();
      member.events$.subscribe((event) => {
        events.push(event.type);
        assigned.next(event);
      });
      await member.join();
      expect(events).to.deep.equal(['assigned']);
      await proxy.refuse(1_500);
      await firstValueFrom(assigned.pipe(filter((event) => event.type === 'assigned' && events.includes('lost')), timeout(10_000)));
      expect(events.slice(0, 2)).to.deep.equal(['assigned', 'lost']);
      await through.close();
      await proxy.close();
    });
  });

  describe('broken connections', () => {
    it('asks to retry, and reads and writes on when asked again', async () => {
      const topic = await newTopic();
      const proxy = await startProxy();
      const through = portTo([proxy.address]);
      const [throughReader, producer] = [through.reader(), await newProducer(undefined, through)];
      await write(producer, topic, ['a']);
      await producer.commit();
      const position = [{ topic, partition: 0, offset: 0 }];
      while ((await throughReader.fetch(position, LIMITS)).length === 0);
      const polling = throughReader.fetch([{ topic, partition: 0, offset: 2 }], { ...LIMITS, maxWaitMs: 5_000 });
      await systemClock.sleep(50);
      proxy.cut();
      expect(await failure(polling)).to.be.instanceOf(RetryError);
      const [again] = await throughReader.fetch(position, LIMITS);
      expect(values(plain(again!))).to.deep.equal(['a']);
      const fresh = await newProducer(undefined, through);
      await write(fresh, topic, ['b']);
      await fresh.commit();
      expect(values(await readTo(topic, 4))).to.deep.equal(['a', 'b']);
      await through.close();
      await proxy.close();
    });

    it('leaves a producer dead whose commit was cut off, and the next owner finds out what became of it', async () => {
      const topic = await newTopic();
      const proxy = await startProxy();
      const through = portTo([proxy.address]);
      const id = `${PREFIX}.cut`;
      const producer = await newProducer(id, through);
      await write(producer, topic, ['a']);
      proxy.swallow();
      const committing = producer.commit();
      await systemClock.sleep(50);
      proxy.cut();
      const thrown = await failure(committing);
      expect(thrown).to.be.instanceOf(RetryError);
      expect(await failure(producer.abort())).to.equal(thrown);
      const heir = await newProducer(id);
      await write(heir, topic, ['b']);
      await heir.commit();
      expect(values(await readTo(topic, 4))).to.deep.equal(['a', 'b']);
      await through.close();
      await proxy.close();
    });

    it('gives a silent broker up after the request timeout', async () => {
      const topic = await newTopic();
      const proxy = await startProxy();
      const through = kafkaPort({ brokers: [proxy.address], clientId: PREFIX, clock: systemClock, log: silentLogger, requestTimeoutMs: 500 });
      const quiet = through.reader();
      expect(await quiet.startOffsets([{ topic, partition: 0 }])).to.have.length(1);
      proxy.swallow();
      expect(await failure(quiet.startOffsets([{ topic, partition: 0 }]))).to.be.instanceOf(RetryError);
      proxy.cut();
      expect(await quiet.startOffsets([{ topic, partition: 0 }])).to.have.length(1);
      await through.close();
      await proxy.close();
    });
  });
});

interface Proxy {
  readonly address: string;
  /** Ends every connection. */
  cut(): void;
  /** From now on, and on the connections that are open now, answers do not come back; requests still arrive. */
  swallow(): void;
  /** Cuts everything and accepts nothing for a while. */
  refuse(forMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Stands between client and broker, and gives itself out as the broker in what the broker says of its own address. */
const startProxy = async (): Promise<Proxy> => {
  const [host, port] = BROKERS[0]!.split(':') as [string, string];
  const pairs = new Set<readonly [Socket, Socket]>();
  const swallowed = new Set<readonly [Socket, Socket]>();
  let refusing = false;
  const addressBytes = (number: number): Buffer => {
    const bytes = Buffer.alloc(2 + host.length + 4);
    bytes.writeInt16BE(host.length, 0);
    bytes.write(host, 2);
    bytes.writeInt32BE(number, 2 + host.length);
    return bytes;
  };
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const broker = connect(Number(port), host);
    const pair = [client, broker] as const;
    pairs.add(pair);
    const [real, mine] = [addressBytes(Number(port)), addressBytes((server.address() as AddressInfo).port)];
    client.on('data', (bytes) => broker.write(bytes));
    broker.on('data', (bytes) => {
      for (let at = bytes.indexOf(real); at >= 0; at = bytes.indexOf(real, at + 1)) mine.copy(bytes, at);
      if (!swallowed.has(pair)) client.write(bytes);
    });
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const [client] of pairs) client.end();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    swallow: () => {
      for (const pair of pairs) swallowed.add(pair);
    },
    refuse: async (forMs) => {
      refusing = true;
      cut();
      await systemClock.sleep(forMs);
      refusing = false;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
};
