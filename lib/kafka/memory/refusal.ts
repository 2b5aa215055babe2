import type { MillraceError, Where } from '../../core/errors.ts';
import { RetryError } from '../../core/errors.ts';
import { protocolError } from '../kafkajs/protocol-errors.ts';

/** Kafka's error codes that this broker answers with. */
const CODES = {
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  MESSAGE_TOO_LARGE: 10,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  INVALID_TIMESTAMP: 32,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  CONCURRENT_TRANSACTIONS: 51,
  NON_EMPTY_GROUP: 68,
  INVALID_RECORD: 87,
  UNSTABLE_OFFSET_COMMIT: 88,
} as const;

export type RefusalName = keyof typeof CODES;

const names = new WeakMap<Error, RefusalName>();

/** A broker's refusal, as the class of error that the port over a real cluster makes of it. */
export const refusal = (name: RefusalName, call: string, where: Where = {}, detail?: string): MillraceError => {
  const error = protocolError(CODES[name], call, where, detail);
  names.set(error, name);
  return error;
};

export const isRefusal = (thrown: unknown, ...expected: readonly RefusalName[]): boolean => thrown instanceof Error && names.has(thrown) && expected.includes(names.get(thrown)!);

/** No answer came: the connection broke, or the time ran out. */
export const noAnswer = (call: string, why: string): RetryError => new RetryError(`${call}: ${why}`);
