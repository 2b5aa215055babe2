/** Kafka's error codes by what happens next. Source: the protocol guide's table of error codes. */
import { MillraceError, RejoinError, RetryError, StopError, messageOf, type Where } from '../../core/errors.ts';

export const NONE = 0;
export const OFFSET_OUT_OF_RANGE = 1;
export const UNKNOWN_TOPIC_OR_PARTITION = 3;
export const LEADER_NOT_AVAILABLE = 5;
export const NOT_LEADER_OR_FOLLOWER = 6;
export const REQUEST_TIMED_OUT = 7;
export const MESSAGE_TOO_LARGE = 10;
export const COORDINATOR_LOAD_IN_PROGRESS = 14;
export const COORDINATOR_NOT_AVAILABLE = 15;
export const NOT_COORDINATOR = 16;
export const ILLEGAL_GENERATION = 22;
export const UNKNOWN_MEMBER_ID = 25;
export const REBALANCE_IN_PROGRESS = 27;
export const TOPIC_ALREADY_EXISTS = 36;
export const CONCURRENT_TRANSACTIONS = 51;
export const OPERATION_NOT_ATTEMPTED = 55;
export const NON_EMPTY_GROUP = 68;
export const GROUP_ID_NOT_FOUND = 69;
export const UNSTABLE_OFFSET_COMMIT = 88;

interface Meaning {
  readonly name: string;
  readonly next: 'retry' | 'rejoin' | 'stop';
  readonly hint?: string;
}

const retry = (name: string): Meaning => ({ name, next: 'retry' });
const rejoin = (name: string): Meaning => ({ name, next: 'rejoin' });
const stop = (name: string, hint?: string): Meaning => ({ name, next: 'stop', ...(hint === undefined ? {} : { hint }) });

const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [-1, retry('UNKNOWN_SERVER_ERROR')],
  [OFFSET_OUT_OF_RANGE, retry('OFFSET_OUT_OF_RANGE')],
  [2, retry('CORRUPT_MESSAGE')],
  [UNKNOWN_TOPIC_OR_PARTITION, retry('UNKNOWN_TOPIC_OR_PARTITION')],
  [LEADER_NOT_AVAILABLE, retry('LEADER_NOT_AVAILABLE')],
  [NOT_LEADER_OR_FOLLOWER, retry('NOT_LEADER_OR_FOLLOWER')],
  [REQUEST_TIMED_OUT, retry('REQUEST_TIMED_OUT')],
  [MESSAGE_TOO_LARGE, stop('MESSAGE_TOO_LARGE', "Raise the topic's max.message.bytes or make the record smaller")],
  [COORDINATOR_LOAD_IN_PROGRESS, retry('COORDINATOR_LOAD_IN_PROGRESS')],
  [COORDINATOR_NOT_AVAILABLE, retry('COORDINATOR_NOT_AVAILABLE')],
  [NOT_COORDINATOR, retry('NOT_COORDINATOR')],
  [17, stop('INVALID_TOPIC_EXCEPTION')],
  [18, stop('RECORD_LIST_TOO_LARGE')],
  [19, retry('NOT_ENOUGH_REPLICAS')],
  [20, retry('NOT_ENOUGH_REPLICAS_AFTER_APPEND')],
  [ILLEGAL_GENERATION, rejoin('ILLEGAL_GENERATION')],
  [UNKNOWN_MEMBER_ID, rejoin('UNKNOWN_MEMBER_ID')],
  [REBALANCE_IN_PROGRESS, retry('REBALANCE_IN_PROGRESS')],
  [29, stop('TOPIC_AUTHORIZATION_FAILED', "The client's principal lacks a right on the topic")],
  [30, stop('GROUP_AUTHORIZATION_FAILED', "The client's principal lacks a right on the consumer group")],
  [31, stop('CLUSTER_AUTHORIZATION_FAILED', "The client's principal lacks a right on the cluster")],
  [32, stop('INVALID_TIMESTAMP', "The record's time is outside what the topic's message.timestamp.*.max.ms allow")],
  [35, stop('UNSUPPORTED_VERSION', 'Kafka 4 is required')],
  [TOPIC_ALREADY_EXISTS, stop('TOPIC_ALREADY_EXISTS')],
  [37, stop('INVALID_PARTITIONS')],
  [38, stop('INVALID_REPLICATION_FACTOR', 'The cluster has fewer brokers than the replication factor')],
  [39, stop('INVALID_REPLICA_ASSIGNMENT')],
  [40, stop('INVALID_CONFIG')],
  [41, retry('NOT_CONTROLLER')],
  [42, stop('INVALID_REQUEST')],
  [44, stop('POLICY_VIOLATION')],
  [45, retry('OUT_OF_ORDER_SEQUENCE_NUMBER')],
  [46, retry('DUPLICATE_SEQUENCE_NUMBER')],
  [47, rejoin('INVALID_PRODUCER_EPOCH')],
  [48, retry('INVALID_TXN_STATE')],
  [49, retry('INVALID_PRODUCER_ID_MAPPING')],
  [50, stop('INVALID_TRANSACTION_TIMEOUT', "The transaction timeout is above the broker's transaction.max.timeout.ms")],
  [CONCURRENT_TRANSACTIONS, retry('CONCURRENT_TRANSACTIONS')],
  [53, stop('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', "The client's principal may not use the transactional id")],
  [OPERATION_NOT_ATTEMPTED, retry('OPERATION_NOT_ATTEMPTED')],
  [56, retry('KAFKA_STORAGE_ERROR')],
  [58, stop('SASL_AUTHENTICATION_FAILED')],
  [59, retry('UNKNOWN_PRODUCER_ID')],
  [NON_EMPTY_GROUP, stop('NON_EMPTY_GROUP', 'Stop its workers first')],
  [GROUP_ID_NOT_FOUND, stop('GROUP_ID_NOT_FOUND')],
  [74, retry('FENCED_LEADER_EPOCH')],
  [75, retry('UNKNOWN_LEADER_EPOCH')],
  [76, stop('UNSUPPORTED_COMPRESSION_TYPE')],
  [78, retry('OFFSET_NOT_AVAILABLE')],
  [82, rejoin('FENCED_INSTANCE_ID')],
  [87, stop('INVALID_RECORD', 'A compacted topic takes no record without a key')],
  [UNSTABLE_OFFSET_COMMIT, retry('UNSTABLE_OFFSET_COMMIT')],
  [89, retry('THROTTLING_QUOTA_EXCEEDED')],
  [90, rejoin('PRODUCER_FENCED')],
  [120, retry('TRANSACTION_ABORTABLE')],
]);

const meaningOf = (code: number): Meaning => MEANINGS.get(code) ?? retry(`error ${code}`);

/** What a broker answered, as one of our errors. `call` names what was asked. */
export const protocolError = (code: number, call: string, where: Where = {}, detail?: string | null): MillraceError => {
  const meaning = meaningOf(code);
  const message = `${call}: ${meaning.name}${detail == null || detail === '' ? '' : ` (${detail})`}`;
  const details = { where, ...(meaning.hint === undefined ? {} : { hint: meaning.hint }) };
  if (meaning.next === 'rejoin') return new RejoinError(message, details);
  return meaning.next === 'stop' ? new StopError(message, details) : new RetryError(message, details);
};

/** Whether the metadata that led to this partition's leader is out of date. */
export const leadershipMoved = (code: number): boolean =>
  code === UNKNOWN_TOPIC_OR_PARTITION || code === LEADER_NOT_AVAILABLE || code === NOT_LEADER_OR_FOLLOWER || code === 9 || code === 56 || code === 74 || code === 75;

/** Whether the coordinator must be looked for again. */
export const coordinatorMoved = (code: number): boolean => code === NOT_COORDINATOR || code === COORDINATOR_NOT_AVAILABLE;

/** What KafkaJS threw below the protocol: all of it passes, except credentials that are refused. */
export const transportError = (thrown: unknown, call: string, address: string): MillraceError => {
  if (thrown instanceof MillraceError) return thrown;
  const name = thrown instanceof Error ? thrown.name : '';
  const message = `${call} to broker ${address}: ${messageOf(thrown)}`;
  return name === 'KafkaJSSASLAuthenticationError' || name === 'KafkaJSNotImplemented'
    ? new StopError(message, { cause: thrown })
    : new RetryError(message, { cause: thrown });
};
