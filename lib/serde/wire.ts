/** The registry's wire format: byte 0, four bytes of schema id (big-endian, unsigned), the Avro bytes. */
import { DeadLetterError } from '../core/errors.ts';

export const HEADER_BYTES = 5;

/** The schema id, or -1 when the bytes do not begin as the wire format does. No schema has the id 0. */
export const schemaIdOf = (bytes: Buffer): number => (bytes.length >= HEADER_BYTES && bytes[0] === 0 ? bytes.readUInt32BE(1) || -1 : -1);

/** What foreign bytes look like, for the dead letter. */
export const foreign = (what: string, bytes: Buffer): DeadLetterError => {
  const first = bytes[0];
  if (first === undefined) return new DeadLetterError(`the ${what} is empty, not Avro with a schema id`);
  if (first === 0 && bytes.length < HEADER_BYTES) return new DeadLetterError(`the ${what} is ${bytes.length} bytes, too short for Avro with a schema id`);
  if (first === 0) return new DeadLetterError(`the ${what} names schema 0, which there is not: it looks like Apicurio's framing with ids of eight bytes`, { hint: 'Set apicurio.registry.as-confluent=true on the converter' });
  const looks = first === 0x7b || first === 0x5b ? ': it looks like JSON' : '';
  return new DeadLetterError(`the ${what} is not Avro with a schema id: it begins with byte ${first}, not 0${looks}`);
};
