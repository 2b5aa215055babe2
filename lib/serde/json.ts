/** The `json()` codec: UTF-8 JSON as JSON.stringify writes it (NaN and infinities become null, as everywhere in JSON). */
import { isUtf8 } from 'node:buffer';
import { DeadLetterError, messageOf } from '../core/errors.ts';
import { NO_VALUE, type ValueDecoder, type ValueEncoder } from './serde.ts';

export const jsonDecoder: ValueDecoder<unknown> = {
  prepare: () => undefined,
  decode(bytes) {
    if (bytes === null) return NO_VALUE;
    if (!isUtf8(bytes)) throw new DeadLetterError('the value is not UTF-8');
    try {
      return JSON.parse(bytes.toString('utf8')) as unknown;
    } catch (cause) {
      throw new DeadLetterError(`the value is not JSON: ${messageOf(cause)}`, { cause });
    }
  },
};

const nothingToPrepare = Promise.resolve();

export const jsonEncoder: ValueEncoder<unknown> = {
  prepare: () => nothingToPrepare,
  encode(value) {
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      throw new DeadLetterError(`the value cannot be written as JSON: ${messageOf(cause)}`, { cause });
    }
    if (text === undefined) throw new DeadLetterError(`the value cannot be written as JSON: it is ${typeof value}`);
    return text;
  },
};
