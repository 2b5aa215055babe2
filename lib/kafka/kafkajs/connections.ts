/**
 * The brokers of one cluster as one part of the runtime uses them: connections (KafkaJS's), who leads which partition, who coordinates
 * which group or transactional id. Each reader has one of its own, since a broker answers the requests of a connection
 * one after another and a long poll would hold up what is behind it.
 */
import { RetryError, StopError } from '../../core/errors.ts';
import type { TopicPartition } from '../port.ts';
import { CONNECT_TIMEOUT_MS, cutConnections, openCluster, type ConnectionSettings, type RawBroker, type RawCluster } from './internals.ts';
import { COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NONE, protocolError, transportError } from './protocol-errors.ts';
import { findCoordinator, metadata, type Call, type CoordinatorKind } from './requests.ts';
import { ResponseReader } from './wire.ts';

/** Data (fetch, produce) and everything else take different connections, so that small calls overtake big ones. */
type Lane = 0 | 1;
const CONTROL_LANE: Lane = 0;
const DATA_LANE: Lane = 1;

/** How long `close` waits for answers that are under way. */
const CLOSE_GRACE_MS = 1_000;

export class BrokerConnection {
  readonly address: string;
  readonly #broker: RawBroker;
  readonly #settings: ConnectionSettings;
  readonly #opening: [Promise<void> | undefined, Promise<void> | undefined] = [undefined, undefined];
  readonly #onFault: (connection: BrokerConnection) => void;

  constructor(broker: RawBroker, settings: ConnectionSettings, onFault: (connection: BrokerConnection) => void) {
    this.#broker = broker;
    this.#settings = settings;
    this.#onFault = onFault;
    this.address = `${broker.connectionPool.host}:${broker.connectionPool.port}`;
  }

  /** Sends and decodes; a fault of the connection rejects with `RetryError` and takes the broker out of use. */
  async send<T>(call: Call<T>): Promise<T> {
    let raw: Buffer;
    try {
      const lane = call.lane === 'data' ? DATA_LANE : CONTROL_LANE;
      await this.#open(lane);
      raw = await this.#broker.connectionPool.pool[lane]!.send({
        request: { apiKey: call.apiKey, apiVersion: call.apiVersion, apiName: call.name, encode: async () => ({ buf: call.body, buffer: call.body }) },
        response: { decode: async (bytes) => bytes, parse: async (bytes) => bytes },
        logResponseError: false,
        requestTimeout: this.#settings.requestTimeoutMs + (call.waitMs ?? 0),
      });
    } catch (thrown) {
      this.#onFault(this);
      throw transportError(thrown, call.name, this.address);
    }
    try {
      return call.decode(new ResponseReader(raw));
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new StopError(`${call.name}: broker ${this.address} answered what cannot be read`, { cause });
    }
  }

  /** Closes after the answers under way have come, but at the latest after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const { connectionPool } = this.#broker;
    await new Promise<void>((resolve) => {
      const late = this.#settings.clock.after(graceMs, resolve, 'unreferenced');
      void connectionPool.destroy().catch(() => undefined).then(() => {
        late.cancel();
        resolve();
      });
    });
    cutConnections(connectionPool, new RetryError(`The connection to broker ${this.address} was closed`));
  }

  /** KafkaJS opens a socket per caller when several find a connection closed: one at a time here. */
  async #open(lane: Lane): Promise<void> {
    const { connectionPool } = this.#broker;
    if (connectionPool.pool[lane]!.isConnected()) return;
    this.#opening[lane] ??= (async () => {
      await this.#broker.connect();
      await connectionPool.getConnection(lane);
    })().finally(() => {
      this.#opening[lane] = undefined;
    });
    await this.#opening[lane];
  }
}

interface TopicLeaders {
  /** Node id of the leader by partition number. */
  readonly leaders: readonly (number | undefined)[];
}

export class Connections {
  readonly settings: ConnectionSettings;
  readonly #cluster: RawCluster;
  readonly #brokers = new Map<number, BrokerConnection>();
  /** Made from the configured addresses; used until the brokers are known. */
  #seed: BrokerConnection | undefined;
  #seeding: Promise<BrokerConnection> | undefined;
  readonly #topics = new Map<string, TopicLeaders>();
  readonly #loading = new Map<string, Promise<void>>();
  readonly #coordinators = new Map<string, number>();
  #closed = false;

  constructor(settings: ConnectionSettings) {
    this.settings = settings;
    this.#cluster = openCluster(settings);
  }

  /** The partitions by the broker that leads them. Rejects with `RetryError` when one has no leader or does not exist. */
  async byLeader<P extends TopicPartition>(partitions: readonly P[]): Promise<Map<number, P[]>> {
    await this.#loadTopics([...new Set(partitions.map((p) => p.topic))]);
    const result = new Map<number, P[]>();
    for (const item of partitions) {
      const leader = this.#topics.get(item.topic)?.leaders[item.partition];
      if (leader === undefined || leader < 0) {
        this.forgetLeaders([item.topic]);
        throw new RetryError('The partition does not exist or has no leader', { where: { topic: item.topic, partition: item.partition } });
      }
      const group = result.get(leader);
      if (group === undefined) result.set(leader, [item]);
      else group.push(item);
    }
    return result;
  }

  /** Has the leaders of these topics asked for again before they are used next. */
  forgetLeaders(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.delete(topic);
  }

  async broker(nodeId: number): Promise<BrokerConnection> {
    let broker = this.#brokers.get(nodeId);
    if (broker === undefined) {
      await this.#refresh([]);
      broker = this.#brokers.get(nodeId);
    }
    if (broker === undefined) throw new RetryError(`Broker ${nodeId} is not known to the cluster`);
    return broker;
  }

  /** Any broker, for calls that all of them answer. */
  async anyBroker(): Promise<BrokerConnection> {
    if (this.#closed) throw new RetryError('The connections to Kafka were closed');
    const known = [...this.#brokers.values()];
    const random = Math.floor(this.settings.clock.random() * known.length);
    return known[random] ?? this.#seedBroker();
  }

  /** Undefined while the cluster has none yet: it is elected, or its topic is being created. */
  async coordinator(kind: CoordinatorKind, key: string): Promise<BrokerConnection | undefined> {
    const id = `${kind} ${key}`;
    let nodeId = this.#coordinators.get(id);
    if (nodeId === undefined) {
      const answer = await (await this.anyBroker()).send(findCoordinator(kind, key));
      if (answer.error === COORDINATOR_NOT_AVAILABLE || answer.error === COORDINATOR_LOAD_IN_PROGRESS) return undefined;
      if (answer.error !== NONE) throw protocolError(answer.error, `Finding the coordinator of ${kind} ${key}`, {}, answer.message);
      nodeId = answer.nodeId;
      this.#coordinators.set(id, nodeId);
    }
    return this.broker(nodeId);
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind} ${key}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#brokers.values()];
    if (this.#seed !== undefined && !open.includes(this.#seed)) open.push(this.#seed);
    this.#brokers.clear();
    this.#seed = undefined;
    await Promise.all(open.map((broker) => broker.close(CLOSE_GRACE_MS)));
  }

  async #loadTopics(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => !this.#topics.has(topic));
    if (missing.length === 0) return;
    const unasked = missing.filter((topic) => !this.#loading.has(topic));
    if (unasked.length > 0) {
      const load = this.#refresh(unasked).finally(() => {
        for (const topic of unasked) this.#loading.delete(topic);
      });
      for (const topic of unasked) this.#loading.set(topic, load);
    }
    await Promise.all(missing.map((topic) => this.#loading.get(topic)));
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    const answer = await (await this.anyBroker()).send(metadata(topics));
    await this.#adopt(answer.brokers);
    for (const topic of answer.topics) {
      if (topic.error !== NONE) throw protocolError(topic.error, 'Asking for the leaders', { topic: topic.topic });
      const leaders: (number | undefined)[] = [];
      for (const { partition, leader } of topic.partitions) leaders[partition] = leader;
      this.#topics.set(topic.topic, { leaders });
    }
  }

  async #adopt(nodes: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]): Promise<void> {
    const seed = this.#seed;
    for (const { nodeId, host, port } of nodes) {
      const address = `${host}:${port}`;
      const known = this.#brokers.get(nodeId);
      if (known?.address === address) continue;
      if (known !== undefined) this.#release(known);
      const made = seed?.address === address ? seed : await this.#make({ host, port });
      const raced = this.#brokers.get(nodeId);
      if (raced === undefined) this.#brokers.set(nodeId, made);
    }
    for (const [nodeId, broker] of this.#brokers) {
      if (nodes.some((node) => node.nodeId === nodeId)) continue;
      this.#release(broker);
    }
    if (seed === undefined || seed !== this.#seed) return;
    this.#seed = undefined;
    if (![...this.#brokers.values()].includes(seed)) void seed.close(CLOSE_GRACE_MS);
  }

  async #seedBroker(): Promise<BrokerConnection> {
    if (this.#seed !== undefined) return this.#seed;
    this.#seeding ??= this.#make(undefined).finally(() => {
      this.#seeding = undefined;
    });
    return (this.#seed = await this.#seeding);
  }

  async #make(destination: { readonly host: string; readonly port: number } | undefined): Promise<BrokerConnection> {
    const connectionPool = await this.#cluster.connectionPoolBuilder.build(destination);
    const broker = this.#cluster.brokerPool.createBroker({ connectionPool, logger: this.#cluster.rootLogger });
    return new BrokerConnection(broker, this.settings, (faulty) => this.#release(faulty));
  }

  /** Takes a broker out of use; requests under way on it may still be answered. What it led is asked for again. */
  #release(faulty: BrokerConnection): void {
    if (this.#seed === faulty) this.#seed = undefined;
    for (const [nodeId, broker] of this.#brokers) {
      if (broker !== faulty) continue;
      this.#brokers.delete(nodeId);
      for (const [id, coordinator] of this.#coordinators) if (coordinator === nodeId) this.#coordinators.delete(id);
      for (const [topic, { leaders }] of this.#topics) if (leaders.includes(nodeId)) this.#topics.delete(topic);
    }
    void faulty.close(this.settings.requestTimeoutMs + CONNECT_TIMEOUT_MS);
  }
}
