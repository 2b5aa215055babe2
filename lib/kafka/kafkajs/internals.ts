/**
 * The parts of KafkaJS 2.2.4 that are no public API and that we stand on: its connections with TLS and SASL.
 * test/kafka/kafkajs-shape.test.ts holds their shape.
 */
import type { Socket } from 'node:net';
import kafkajs from 'kafkajs';
import type { Assigner, Cluster, KafkaConfig, SASLOptions } from 'kafkajs';
import type { ConnectionOptions } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { RateLimitedLog, type Logger } from '../../core/logger.ts';

export interface RawRequest {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    /** The result is treated as KafkaJS's `Encoder`: these two fields are all it reads. */
    encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    decode(raw: Buffer): Promise<Buffer>;
    parse(raw: Buffer): Promise<Buffer>;
  };
  readonly requestTimeout?: number;
  readonly logResponseError: boolean;
}

export interface RawRequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
  rejectAll(error: Error): void;
}

export interface RawConnection {
  readonly requestQueue: RawRequestQueue;
  readonly socket?: Socket;
  isConnected(): boolean;
  send(request: RawRequest): Promise<Buffer>;
}

export interface RawConnectionPool {
  readonly host: string;
  readonly port: number;
  /** Two connections: KafkaJS keeps the second for fetches. */
  readonly pool: readonly RawConnection[];
  getConnection(index: number): Promise<RawConnection>;
  destroy(): Promise<void>;
}

export interface RawBroker {
  readonly connectionPool: RawConnectionPool;
  /** Opens the first connection, asks for the versions and authenticates. */
  connect(): Promise<void>;
  syncGroup(request: { readonly memberId: string; readonly generationId: number }): Promise<unknown>;
}

export interface RawCluster extends Pick<Cluster, 'findTopicPartitionMetadata'> {
  readonly rootLogger: unknown;
  readonly connectionPoolBuilder: {
    build(destination?: { readonly host: string; readonly port: number; readonly rack?: string }): Promise<RawConnectionPool>;
  };
  readonly brokerPool: {
    createBroker(options: { readonly connectionPool: RawConnectionPool; readonly logger: unknown; readonly nodeId?: number }): RawBroker;
  };
  findGroupCoordinator(group: { readonly groupId: string }): Promise<RawBroker>;
}

export interface ConnectionSettings {
  /** `host:port` of some of the cluster's brokers. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** `true` for TLS with the system's authorities, or Node's TLS options. */
  readonly ssl?: true | ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** How long one request may take before its connection is given up. */
  readonly requestTimeoutMs: number;
}

/** How long a connection may take to open, and to authenticate. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** KafkaJS's own retries: short, since whoever called backs off and asks again. */
export const RETRY = { initialRetryTime: 100, multiplier: 1.5, maxRetryTime: 1_000, retries: 3 };

export const kafkaConfig = (settings: ConnectionSettings): KafkaConfig => ({
  brokers: [...settings.brokers],
  clientId: settings.clientId,
  connectionTimeout: CONNECT_TIMEOUT_MS,
  authenticationTimeout: CONNECT_TIMEOUT_MS,
  requestTimeout: settings.requestTimeoutMs,
  retry: RETRY,
  logLevel: kafkajs.logLevel.INFO,
  logCreator: logCreator(settings),
  ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
  ...(settings.sasl === undefined ? {} : { sasl: settings.sasl }),
});

/**
 * A cluster object of KafkaJS, which it hands to the factory of a partition assigner. Nothing is connected by this.
 */
export const openCluster = (settings: ConnectionSettings): RawCluster => {
  let cluster: RawCluster | undefined;
  const kafka = new kafkajs.Kafka(kafkaConfig(settings));
  const assigner: Assigner = { name: 'none', version: 0, assign: async () => [], protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }) };
  kafka.consumer({
    groupId: settings.clientId,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster as unknown as RawCluster;
        return assigner;
      },
    ],
  });
  if (cluster === undefined) throw new TypeError('KafkaJS did not hand its cluster to the assigner');
  quietTimers(cluster);
  return cluster;
};

/**
 * KafkaJS rearms a timer with a negative delay, that is 1 ms, on every connection for as long as it lives, which costs CPU and
 * makes Node print TimeoutNegativeWarning. The timer is only needed while requests wait: arm it then and not otherwise.
 * Returns the connection pools that the cluster opens from now on.
 */
export const quietTimers = (cluster: RawCluster): ReadonlySet<RawConnectionPool> => {
  const pools = new Set<RawConnectionPool>();
  const builder = cluster.connectionPoolBuilder;
  const build = builder.build.bind(builder);
  builder.build = async (destination) => {
    const pool = await build(destination);
    for (const { requestQueue } of pool.pool) {
      const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
      requestQueue.scheduleCheckPendingRequests = () => {
        if (requestQueue.pending.length > 0) schedule();
      };
    }
    pools.add(pool);
    return pool;
  };
  return pools;
};

/** Cuts the pool's connections without waiting for anything. */
export const cutConnections = (pool: RawConnectionPool, cause: Error): void => {
  for (const { requestQueue, socket } of pool.pool) {
    requestQueue.rejectAll(cause);
    socket?.destroy();
  }
};

type LogCreator = NonNullable<KafkaConfig['logCreator']>;

/** One per port, so that all its connections together stay within the rate. */
const logCreators = new WeakMap<ConnectionSettings, LogCreator>();

/**
 * KafkaJS's lines as ours. What it calls errors are passing faults that a caller hears of, so they are warnings here; its warnings, its
 * lines about error answers (every rebalance is one to a heartbeat) and about crashes tell of nothing that a group event does not.
 */
const logCreator = (settings: ConnectionSettings): LogCreator => {
  const made = logCreators.get(settings);
  if (made !== undefined) return made;
  const { log, clock } = settings;
  const limited = new RateLimitedLog(log, clock);
  const creator: LogCreator =
    () =>
    ({ level, namespace, log: entry }) => {
      const fields = { part: `kafkajs ${namespace}`, ...(typeof entry['broker'] === 'string' ? { broker: entry['broker'] } : {}) };
      const told = entry.message.startsWith('Response ') || entry.message.startsWith('Crash: ');
      if (level === kafkajs.logLevel.ERROR && !told) limited.warn(`${namespace} ${entry.message}`, entry.message, fields);
      else log.debug(entry.message, fields);
    };
  logCreators.set(settings, creator);
  return creator;
};
