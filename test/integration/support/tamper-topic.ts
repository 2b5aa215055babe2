import kafkajs, { type Admin, type Message, type Producer } from 'kafkajs';
import type { KafkaPort } from '../../../lib/kafka/port.ts';
import { openKafka, readTopic } from '../../../examples/engagement/compare/topics.ts';
import type { How } from './tamper.ts';

/** The text of a UUID somewhere in a record, with its first digit changed. */
const otherUuid = (value: Buffer): Buffer => {
  const text = value.toString('latin1');
  const ids = [...text.matchAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g)];
  const at = ids[1]!.index;
  const changed = Buffer.from(value);
  changed[at] = text[at] === '0' ? 0x31 : 0x30;
  return changed;
};

/** Writes a topic again with one record altered, dropped or repeated: what was there before is deleted up to the end. */
export class TamperedTopic {
  readonly #topic: string;
  readonly #port: KafkaPort;
  readonly #admin: Admin;
  readonly #producer: Producer;
  #records: Message[] = [];

  constructor(brokers: readonly string[], topic: string) {
    this.#topic = topic;
    this.#port = openKafka(brokers.join(','));
    const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
    this.#admin = kafka.admin();
    this.#producer = kafka.producer();
  }

  async open(): Promise<void> {
    await Promise.all([this.#admin.connect(), this.#producer.connect()]);
    for await (const { key, value, headers } of readTopic(this.#port, this.#topic)) {
      this.#records.push({ key, value, headers: Object.fromEntries(headers.map(([name, bytes]) => [name, bytes ?? ''])) });
    }
  }

  async tamper(how: How): Promise<void> {
    const [first, ...rest] = this.#records;
    const records = { altered: [this.#altered(first!), ...rest], dropped: rest, repeated: [first!, ...this.#records] }[how];
    await this.#write(records);
  }

  restore(): Promise<void> {
    return this.#write(this.#records);
  }

  async close(): Promise<void> {
    await Promise.all([this.#admin.disconnect(), this.#producer.disconnect(), this.#port.close()]);
  }

  /** A dead letter is altered in its reason, any other record in its value. */
  #altered(record: Message): Message {
    if ('__streams.errors.message' in (record.headers ?? {})) return { ...record, headers: { ...record.headers, '__streams.errors.message': 'another reason' } };
    return { ...record, value: otherUuid(record.value as Buffer) };
  }

  async #write(messages: readonly Message[]): Promise<void> {
    const ends = await this.#admin.fetchTopicOffsets(this.#topic);
    await this.#admin.deleteTopicRecords({ topic: this.#topic, partitions: ends.map(({ partition, high }) => ({ partition, offset: high })) });
    await this.#producer.send({ topic: this.#topic, messages: [...messages] });
  }
}
