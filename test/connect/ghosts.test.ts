import { expect } from 'chai';
import { describe, it } from 'mocha';
import type pg from 'pg';
import { GhostScan, type Ghost } from '../../lib/connect/ghosts.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { ConfigurationError, RetryError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import type { FetchedBatch, KafkaPort, Position } from '../../lib/kafka/port.ts';
import { createSerde } from '../../lib/serde/index.ts';

type Message = readonly [key: string | null, value: string | null];
type Later = readonly [partition: number, message: Message];

const TOPIC = 'app.public.content';

/** A topic with text keys, read two records at a time; `later` comes when the end is asked for again. */
class FakeTopic {
  readonly logs: Message[][];
  readonly #later: readonly Later[];
  #asked = 0;
  /** So many fetches fail before one works. */
  failures = 0;

  constructor(logs: Message[][], later: readonly Later[] = []) {
    this.logs = logs;
    this.#later = later;
  }

  port(): KafkaPort {
    const places = (offset: (log: Message[]) => number): Position[] => this.logs.map((log, partition) => ({ topic: TOPIC, partition, offset: offset(log) }));
    return {
      admin: () => ({ describeTopics: async () => (this.logs.length === 0 ? [] : [{ topic: TOPIC, partitions: this.logs.length, config: {} }]), close: async () => undefined }),
      reader: () => ({
        fetch: async ([position]: readonly Position[]) => {
          if (this.failures > 0) {
            this.failures -= 1;
            throw new RetryError('away');
          }
          return [this.#batch(position!)];
        },
        startOffsets: async () => places(() => 0),
        endOffsets: async () => {
          this.#asked += 1;
          if (this.#asked === 2) for (const [partition, message] of this.#later) this.logs[partition]!.push(message);
          return places((log) => log.length);
        },
        close: async () => undefined,
      }),
    } as unknown as KafkaPort;
  }

  #batch({ partition, offset }: Position): FetchedBatch {
    const messages = this.logs[partition]!.slice(offset, offset + 2);
    const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text));
    return {
      topic: TOPIC, partition, count: messages.length, nextOffset: offset + messages.length, highWatermark: 0, lastStableOffset: 0, byteLength: 0,
      offset: (i) => offset + i, timestamp: () => 0, key: (i) => bytes(messages[i]![0]), value: (i) => bytes(messages[i]![1]), headers: () => [],
    };
  }
}

/** A table with these keys; it answers as `absentKeys` asks. */
const tableOf = (keys: ReadonlySet<string>, asked: number[] = []): pg.Client =>
  ({
    query: async (_text: string, [wanted]: readonly [readonly string[]]) => {
      asked.push(wanted.length);
      return { rows: wanted.flatMap((key, i) => (keys.has(key) ? [] : [{ n: i + 1 }])) };
    },
  }) as unknown as pg.Client;

describe('keys that live in a topic and not in its table', () => {
  const serde = createSerde({ registryUrl: null, clock: systemClock, log: silentLogger });
  const scanOf = (topic: FakeTopic, postgres: pg.Client, bounds: { readonly batchKeys?: number; readonly mostKeys?: number } = {}): GhostScan =>
    new GhostScan({
      port: topic.port(), serde, clock: Object.assign(Object.create(systemClock) as typeof systemClock, { sleep: async () => undefined }), postgres,
      capture: { schema: 'public', table: 'content', connector: 'app', config: {}, topic: TOPIC }, columns: [{ name: 'id', type: 'text', cast: 'pg_catalog.text', plain: true }], ...bounds,
    });
  const all = async (scan: GhostScan): Promise<Ghost[]> => {
    const found: Ghost[] = [];
    for await (const group of scan.ghosts()) found.push(...group);
    return found;
  };
  const shown = (ghosts: readonly Ghost[]): string[] => ghosts.map(({ key, partition, offset }) => `${key.join()} at ${partition}/${offset}`).sort();

  it('are those whose newest record is a row', async () => {
    const topic = new FakeTopic([[['a', 'x'], ['b', 'x'], ['b', null], ['c', 'x'], ['c', null], ['c', 'y'], ['d', 'x'], ['a', 'y']]]);
    expect(shown(await all(scanOf(topic, tableOf(new Set(['d'])))))).to.deep.equal(['a at 0/7', 'c at 0/5']);
  });

  it('are one by one where the same key stands in two partitions', async () => {
    const topic = new FakeTopic([[['a', 'x']], [['a', 'x'], ['b', 'x'], ['b', null]]]);
    const ghosts = await all(scanOf(topic, tableOf(new Set())));
    expect(shown(ghosts)).to.deep.equal(['a at 0/0', 'a at 1/0']);
    expect(ghosts.map(({ bytes }) => bytes.toString())).to.deep.equal(['a', 'a']);
  });

  it('are not those whose tombstone came while the topic was read', async () => {
    const topic = new FakeTopic([[['a', 'x'], ['b', 'x']], [['c', 'x']]], [[0, ['b', null]], [1, ['d', 'x']]]);
    expect(shown(await all(scanOf(topic, tableOf(new Set()))))).to.deep.equal(['a at 0/0', 'c at 1/0', 'd at 1/1']);
  });

  it('are found with a bound on what is held, in several passes, each compared in batches', async () => {
    const keys = Array.from({ length: 400 }, (_, i) => `key-${i}`);
    const asked: number[] = [];
    const scan = scanOf(new FakeTopic([keys.slice(0, 200).map((key) => [key, 'x']), keys.slice(200).map((key) => [key, 'x'])]), tableOf(new Set(keys.filter((_, i) => i % 4 !== 0)), asked), { batchKeys: 10, mostKeys: 30 });
    const groups: number[] = [];
    const found: string[] = [];
    for await (const group of scan.ghosts()) {
      groups.push(group.length);
      found.push(...group.map(({ key }) => key[0]!));
    }
    expect(found.sort()).to.deep.equal(keys.filter((_, i) => i % 4 === 0).sort());
    expect(Math.max(...groups)).to.be.at.most(30);
    expect(Math.max(...asked)).to.be.at.most(11);
    expect(scan.counts.passes).to.be.above(4);
  });

  it('are told from records without a key that can be read, which are counted', async () => {
    const scan = scanOf(new FakeTopic([[[null, 'x'], ['\u0000\u0000\u0000\u0000\u0007x', 'x'], ['a', 'x']]]), tableOf(new Set()));
    expect(shown(await all(scan))).to.deep.equal(['a at 0/2']);
    expect(scan.counts).to.deep.equal({ records: 3, unreadable: 2, passes: 1 });
  });

  it('are found although a broker was away for a while, and not without a topic', async () => {
    const topic = new FakeTopic([[['a', 'x']]]);
    topic.failures = 3;
    expect(shown(await all(scanOf(topic, tableOf(new Set()))))).to.deep.equal(['a at 0/0']);
    topic.failures = 100;
    expect(await all(scanOf(topic, tableOf(new Set()))).catch((error: unknown) => error)).to.be.instanceOf(RetryError);
    expect(await all(scanOf(new FakeTopic([]), tableOf(new Set()))).catch((error: unknown) => error)).to.be.instanceOf(ConfigurationError);
  });
});
