import type { KafkaPort } from '../../lib/kafka/port.ts';
import { TopicReader } from '../data/topic.ts';
import { Tally, type Joined } from './tally.ts';

/** What a program has committed to its output topic, counted as it comes. */
export class Output {
  readonly tally = new Tally();
  readonly #topic: TopicReader;

  private constructor(topic: TopicReader) {
    this.#topic = topic;
  }

  static async open(port: KafkaPort, topic: string): Promise<Output> {
    return new Output(await TopicReader.open(port, topic, 'start'));
  }

  /** Reads on to the end as of now. */
  async read(): Promise<void> {
    for await (const batch of this.#topic.read()) {
      for (let i = 0; i < batch.count; i += 1) this.tally.add(JSON.parse(String(batch.value(i))) as Joined);
    }
  }
}
