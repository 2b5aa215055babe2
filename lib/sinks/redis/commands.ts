/** One command as the arguments of the write script. Everything that Redis would refuse only half-way is refused here. */
import { DeadLetterError } from '../../core/errors.ts';
import type { RedisCommand, RedisFields, RedisIncrements, RedisValue } from '../../../topology/sinks.ts';

export type Argument = string | Buffer;

/** Lua's `unpack` has a limit near 8,000, and an entry cannot be written in parts. */
const MAX_STREAM_FIELDS = 3_000;
const MAX_EXPIRE_SECONDS = 3_155_760_000;
const INT64_MAX = 9_223_372_036_854_775_807n;

const refuse = (message: string): never => {
  throw new DeadLetterError(`Redis cannot take this record: ${message}`);
};

const text = (value: RedisValue, field: string): Argument => {
  switch (typeof value) {
    case 'string': return value;
    case 'number': case 'bigint': case 'boolean': return String(value);
    default:
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return refuse(`field '${field}' is ${value === undefined ? 'undefined' : 'neither text, number, boolean, bytes nor null'}`);
  }
};

const pairs = (fields: RedisFields): { readonly set: Argument[]; readonly drop: Argument[] } => {
  const set: Argument[] = [];
  const drop: Argument[] = [];
  for (const name of Object.keys(fields)) {
    const value = fields[name]!;
    if (value === null) drop.push(name);
    else set.push(name, text(value, name));
  }
  return { set, drop };
};

const wholes = (fields: RedisIncrements): Argument[] => {
  const args: Argument[] = [];
  for (const name of Object.keys(fields)) {
    const by: unknown = fields[name];
    if (typeof by === 'bigint' ? by > INT64_MAX || by < -INT64_MAX : !Number.isSafeInteger(by)) {
      refuse(`field '${name}' would grow by ${typeof by === 'number' || typeof by === 'bigint' ? by : typeof by}, which is no whole number within 64 bits`);
    }
    args.push(name, String(by));
  }
  return args;
};

/**
 * Appends expiry, type and the type's own arguments. Throws `DeadLetterError` and leaves `into` as it was when
 * Redis cannot take the command.
 */
export const encodeCommand = (command: RedisCommand, into: Argument[]): void => {
  if (typeof command.key !== 'string' || command.key === '') refuse('its key is not text, or empty');
  if (command.expireSeconds !== null && command.expireSeconds > MAX_EXPIRE_SECONDS) refuse('it expires in more than a hundred years');
  const args = argumentsOf(command);
  into.push(command.expireSeconds === null ? '' : String(command.expireSeconds), command.type);
  for (const arg of args) into.push(arg);
};

const argumentsOf = (command: RedisCommand): Argument[] => {
  switch (command.type) {
    case 'hash': {
      const { set, drop } = pairs(command.fields);
      return [String(set.length), String(drop.length), ...set, ...drop];
    }
    case 'sortedSet': {
      if (typeof command.member !== 'string') refuse('its member is not text');
      if (typeof command.score !== 'number' || Number.isNaN(command.score)) refuse('its score is not a number');
      return [scoreText(command.score), command.member, command.keep === null ? '' : String(command.keep)];
    }
    case 'increment': {
      const args = wholes(command.fields);
      return [String(args.length), ...args];
    }
    case 'stream': {
      const { set } = pairs(command.fields);
      if (set.length === 0) refuse('a stream entry needs at least one field');
      if (set.length > 2 * MAX_STREAM_FIELDS) refuse(`a stream entry has more than ${MAX_STREAM_FIELDS} fields`);
      return [String(command.maxLength), String(set.length), ...set];
    }
  }
};

const scoreText = (score: number): string => (Number.isFinite(score) ? String(score) : score > 0 ? '+inf' : '-inf');
