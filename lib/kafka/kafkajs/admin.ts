import { RetryError } from '../../core/errors.ts';
import type { CommittedPosition, Isolation, KafkaAdmin, Position, TopicDescription, TopicPartition, TopicSpec } from '../port.ts';
import { createTopics, deleteRecords, deleteTopics, describeConfigs, topicIds } from './admin-requests.ts';
import type { Connections } from './connections.ts';
import { deleteGroup, describeGroup, listGroups } from './group-requests.ts';
import { offsetsAt } from './offsets.ts';
import { askCoordinator } from './patience.ts';
import { GROUP_ID_NOT_FOUND, leadershipMoved, NONE, protocolError, TOPIC_ALREADY_EXISTS, UNKNOWN_TOPIC_OR_PARTITION, UNSTABLE_OFFSET_COMMIT } from './protocol-errors.ts';
import { EARLIEST, firstError, LATEST, metadata, offsetFetch, type Call, type CommittedOffset } from './requests.ts';

/** No record is as late as the time asked for. */
const NO_OFFSET = -1;
/** How often a new topic's leaders are asked for. */
const LEADER_POLL_MS = 20;

export interface AdminSettings {
  readonly coordinatorWaitMs: number;
}

export class TopicAdmin implements KafkaAdmin {
  readonly #connections: Connections;
  readonly #settings: AdminSettings;

  constructor(connections: Connections, settings: AdminSettings) {
    this.#connections = connections;
    this.#settings = settings;
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<readonly string[]> {
    if (topics.length === 0) return [];
    const { requestTimeoutMs } = this.#connections.settings;
    const results = await (await this.#connections.anyBroker()).send(createTopics(topics, requestTimeoutMs));
    const failed = results.find((result) => result.error !== NONE && result.error !== TOPIC_ALREADY_EXISTS);
    if (failed !== undefined) throw protocolError(failed.error, 'Creating a topic', { topic: failed.topic }, failed.message);
    const created = results.filter((result) => result.error === NONE).map((result) => result.topic);
    await this.#untilLed(topics.filter(({ topic }) => created.includes(topic)));
    return created;
  }

  async deleteTopics(topics: readonly string[]): Promise<readonly string[]> {
    if (topics.length === 0) return [];
    const { clock, requestTimeoutMs } = this.#connections.settings;
    const results = await (await this.#connections.anyBroker()).send(deleteTopics(topics, requestTimeoutMs));
    const failed = results.find(({ error }) => error !== NONE && error !== UNKNOWN_TOPIC_OR_PARTITION);
    if (failed !== undefined) throw protocolError(failed.error, 'Deleting a topic', { topic: failed.topic });
    const deleted = results.filter(({ error }) => error === NONE).map(({ topic }) => topic);
    const deadlineMs = clock.monotonic() + requestTimeoutMs;
    while ((await this.describeTopics(deleted)).length > 0) {
      if (clock.monotonic() > deadlineMs) throw new RetryError('Deleted topics are still there', { where: { topic: deleted[0]! } });
      await clock.sleep(LEADER_POLL_MS);
    }
    this.#connections.forgetLeaders(deleted);
    return deleted;
  }

  async listTopics(): Promise<readonly string[]> {
    const { topics } = await (await this.#connections.anyBroker()).send(metadata(null));
    return topics.filter(({ internal }) => !internal).map(({ topic }) => topic);
  }

  async listGroups(): Promise<readonly string[]> {
    const { brokers } = await (await this.#connections.anyBroker()).send(metadata([]));
    const answers = await Promise.all(brokers.map(async ({ nodeId }) => (await this.#connections.broker(nodeId)).send(listGroups())));
    const failed = answers.find(({ error }) => error !== NONE);
    if (failed !== undefined) throw protocolError(failed.error, 'Listing groups');
    return answers.flatMap(({ groups }) => groups);
  }

  async groupSizes(groupIds: readonly string[]): Promise<readonly number[]> {
    return Promise.all(groupIds.map(async (group) => (await this.#ofGroup(group, describeGroup(group), ({ error }) => error)).members));
  }

  async deleteGroups(groupIds: readonly string[]): Promise<readonly string[]> {
    const answers = await Promise.all(groupIds.map((group) => this.#ofGroup(group, deleteGroup(group), (error) => (error === GROUP_ID_NOT_FOUND ? NONE : error))));
    return groupIds.filter((_, i) => answers[i] === NONE);
  }

  #ofGroup<T>(group: string, call: Call<T>, errorOf: (answer: T) => number): Promise<T> {
    const { clock } = this.#connections.settings;
    return askCoordinator(this.#connections, clock, this.#settings.coordinatorWaitMs, {
      kind: 'group', key: group, call, errorOf, failure: (error) => protocolError(error, `${call.name} of group ${group}`),
    });
  }

  async describeTopics(topics: readonly string[]): Promise<readonly TopicDescription[]> {
    if (topics.length === 0) return [];
    const broker = await this.#connections.anyBroker();
    const found = (await broker.send(metadata(topics))).topics.filter((topic) => {
      if (topic.error === UNKNOWN_TOPIC_OR_PARTITION) return false;
      if (topic.error !== NONE) throw protocolError(topic.error, 'Describing topics', { topic: topic.topic });
      return true;
    });
    if (found.length === 0) return [];
    const names = found.map((topic) => topic.topic);
    const [described, ids] = await Promise.all([broker.send(describeConfigs(names)), broker.send(topicIds(names))]);
    return found.flatMap(({ topic, partitions }) => {
      const entry = described.find((config) => config.topic === topic);
      if (entry === undefined) throw new RetryError("The broker left out a topic's configuration", { where: { topic } });
      const id = ids.get(topic);
      // It was deleted between the questions.
      if (entry.error === UNKNOWN_TOPIC_OR_PARTITION || id === undefined) return [];
      if (entry.error !== NONE) throw protocolError(entry.error, 'Describing topics', { topic }, entry.message);
      return [{ topic, id, partitions: partitions.length, config: entry.config }];
    });
  }

  async committed(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    return partitions.length === 0 ? [] : positionsOf(await this.#offsets(groupId, partitions, () => true));
  }

  async committedNow(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[] | null> {
    if (partitions.length === 0) return [];
    const offsets = await this.#offsets(groupId, partitions, ({ error }) => error !== UNSTABLE_OFFSET_COMMIT);
    return offsets.some(({ error }) => error === UNSTABLE_OFFSET_COMMIT) ? null : positionsOf(offsets);
  }

  async #offsets(groupId: string, partitions: readonly TopicPartition[], counts: (offset: CommittedOffset) => boolean): Promise<readonly CommittedOffset[]> {
    const failedOf = (offsets: readonly CommittedOffset[]): CommittedOffset | undefined => firstError(offsets.filter(counts), NONE);
    const answer = await askCoordinator(this.#connections, this.#connections.settings.clock, this.#settings.coordinatorWaitMs, {
      kind: 'group',
      key: groupId,
      call: offsetFetch(groupId, partitions),
      errorOf: ({ error, offsets }) => (error === NONE ? (failedOf(offsets)?.error ?? NONE) : error),
      failure: (error, { offsets }) => {
        const failed = failedOf(offsets);
        return protocolError(error, `Reading the committed offsets of group ${groupId}`, failed === undefined ? {} : { topic: failed.topic, partition: failed.partition });
      },
    });
    return answer.offsets;
  }

  async endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]> {
    return offsetsAt(this.#connections, partitions, LATEST, isolation);
  }

  async startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]> {
    return offsetsAt(this.#connections, partitions, EARLIEST, 'read_committed');
  }

  async offsetsAtTime(partitions: readonly TopicPartition[], timestampMs: number): Promise<readonly Position[]> {
    // Asked for first: what is written between the two questions lies behind this end, and is not passed over.
    const ends = await this.endOffsets(partitions, 'read_committed');
    const found = await offsetsAt(this.#connections, partitions, timestampMs, 'read_committed');
    return found.map((position, i) => (position.offset === NO_OFFSET ? ends[i]! : position));
  }

  async deleteRecordsBefore(positions: readonly Position[]): Promise<void> {
    if (positions.length === 0) return;
    const { requestTimeoutMs } = this.#connections.settings;
    const byLeader = await this.#connections.byLeader(positions);
    await Promise.all(
      [...byLeader].map(async ([nodeId, group]) => {
        const results = await (await this.#connections.broker(nodeId)).send(deleteRecords(group, requestTimeoutMs));
        const failed = firstError(results, NONE);
        if (failed === undefined) return;
        if (leadershipMoved(failed.error)) this.#connections.forgetLeaders([failed.topic]);
        throw protocolError(failed.error, 'DeleteRecords', { topic: failed.topic, partition: failed.partition });
      }),
    );
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  /** A new topic is of no use before its partitions' leaders have taken them over, which they do a little after the metadata says so. */
  async #untilLed(created: readonly TopicSpec[]): Promise<void> {
    const { clock, requestTimeoutMs } = this.#connections.settings;
    const partitions = created.flatMap(({ topic, partitions: count }) => Array.from({ length: count }, (_, partition) => ({ topic, partition })));
    const startedAt = clock.monotonic();
    for (;;) {
      try {
        await this.startOffsets(partitions);
        return;
      } catch (thrown) {
        if (!(thrown instanceof RetryError) || clock.monotonic() - startedAt > requestTimeoutMs) throw thrown;
      }
      this.#connections.forgetLeaders(created.map(({ topic }) => topic));
      await clock.sleep(LEADER_POLL_MS);
    }
  }
}

const positionsOf = (offsets: readonly CommittedOffset[]): CommittedPosition[] =>
  offsets.filter(({ offset }) => offset >= 0).map(({ topic, partition, offset, metadata: noted }) => ({ topic, partition, offset, ...(noted === null || noted === '' ? {} : { metadata: noted }) }));
