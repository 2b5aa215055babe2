import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError, RetryError, StopError } from '../../lib/core/errors.ts';
import { encodeCommand, type Argument } from '../../lib/sinks/redis/commands.ts';
import { redisError } from '../../lib/sinks/redis/errors.ts';
import { fenceKey } from '../../lib/sinks/redis/driver.ts';
import { redis } from '../../topology/sinks/redis.ts';
import type { RedisCommand } from '../../topology/sinks.ts';

const encode = (command: RedisCommand): Argument[] => {
  const into: Argument[] = [];
  encodeCommand(command, into);
  return into;
};
const hash = (fields: object, expireSeconds: number | null = null): RedisCommand => ({ type: 'hash', key: 'k', fields: fields as Record<string, string>, expireSeconds });
const increment = (fields: object): RedisCommand => ({ type: 'increment', key: 'k', fields: fields as Record<string, number>, expireSeconds: null });
const member = (score: number): RedisCommand => ({ type: 'sortedSet', key: 'k', member: 'm', score, keep: null, expireSeconds: null });

describe('commands for Redis', () => {
  const encoded: readonly (readonly [string, RedisCommand, readonly Argument[]])[] = [
    ['a hash', hash({ a: 'x', n: -0.5, gone: null, big: 2n ** 70n, no: false }, 60), ['60', 'hash', '8', '1', 'a', 'x', 'n', '-0.5', 'big', '1180591620717411303424', 'no', 'false', 'gone']],
    ['bytes as they are', hash({ b: Uint8Array.from([0, 255]) }), ['', 'hash', '2', '0', 'b', Buffer.from([0, 255])]],
    ['a score', member(1e21), ['', 'sortedSet', '1e+21', 'm', '']],
    ['an infinite score', member(-Infinity), ['', 'sortedSet', '-inf', 'm', '']],
    ['increments', increment({ a: 3, b: -9223372036854775807n }), ['', 'increment', '4', 'a', '3', 'b', '-9223372036854775807']],
    ['a stream entry without its empty fields', { type: 'stream', key: 'k', fields: { a: '1', b: null }, maxLength: 7, expireSeconds: null }, ['', 'stream', '7', '2', 'a', '1']],
  ];
  for (const [name, command, args] of encoded) it(`encodes ${name}`, () => expect(encode(command)).deep.equal(args));

  const refused: readonly (readonly [string, RedisCommand, string])[] = [
    ['an empty key', { ...hash({}), key: '' }, 'key'],
    ['a field that is undefined', hash({ a: undefined }), "field 'a' is undefined"],
    ['a field that is an object', hash({ a: {} }), "field 'a'"],
    ['an increment with a fraction', increment({ a: 1.5 }), '1.5'],
    ['an increment beyond 2^53 as a number', increment({ a: 2 ** 53 }), 'no whole number'],
    ['an increment beyond 64 bits', increment({ a: 2n ** 63n }), '64 bits'],
    ['an increment that is text', increment({ a: '1' }), 'string'],
    ['a score that is no number', member(Number.NaN), 'score'],
    ['a stream entry without fields', { type: 'stream', key: 'k', fields: { a: null }, maxLength: 1, expireSeconds: null }, 'at least one field'],
  ];
  for (const [name, command, message] of refused) {
    it(`refuses ${name} and leaves nothing behind`, () => {
      const into: Argument[] = ['before'];
      expect(() => encodeCommand(command, into)).throws(DeadLetterError, message);
      expect(into).deep.equal(['before']);
    });
  }

  it('refuses bounds that are no whole number when the sink is declared', () => {
    expect(() => redis.hash({ key: 'k', fields: () => ({}), expireSeconds: 0 })).throws(RangeError, 'expireSeconds');
    expect(() => redis.sortedSet({ key: 'k', member: () => 'm', score: () => 1, keep: 1.5 })).throws(RangeError, 'keep');
    expect(() => redis.stream({ key: 'k', fields: () => ({}), maxLength: Number.NaN })).throws(RangeError, 'maxLength');
  });

  it('gives different sinks different fences', () => {
    expect(fenceKey('app', 'a:b', 't', 1)).equal('millrace:fence:app:a%3Ab:t:1');
    expect(fenceKey('app:a', 'b', 't', 1)).not.equal(fenceKey('app', 'a:b', 't', 1));
  });
});

describe('errors of Redis', () => {
  const reply = (message: string): Error => Object.assign(new Error(message), { name: 'ReplyError' });
  const cases: readonly (readonly [Error, typeof RetryError | typeof StopError])[] = [
    [reply('LOADING Redis is loading the dataset in memory'), RetryError],
    [reply('BUSY Redis is busy running a script.'), RetryError],
    [reply("OOM command not allowed when used memory > 'maxmemory'. script: 1, on @user_script:1."), RetryError],
    [reply('ERR Error running script (call to f_1): @user_script:12: -OOM command not allowed'), RetryError],
    [reply('MISCONF Redis is configured to save RDB snapshots'), RetryError],
    [reply("READONLY You can't write against a read only replica."), RetryError],
    [reply('ERR max number of clients reached'), RetryError],
    [new Error('Connection is closed.'), RetryError],
    [Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }), RetryError],
    [reply('NOAUTH Authentication required.'), StopError],
    [reply("NOPERM this user has no permissions to run the 'evalsha' command"), StopError],
    [reply("ERR unknown command 'EVALSHA'"), StopError],
  ];
  for (const [error, type] of cases) it(`takes '${error.message.slice(0, 40)}' as ${type.name}`, () => expect(redisError(error, 'a write')).instanceOf(type));

  it('does not repeat a password of a URL', () => {
    expect(redisError(new Error('cannot reach redis://u:planted@h:1'), 'x').message).not.contains('planted');
  });
});
