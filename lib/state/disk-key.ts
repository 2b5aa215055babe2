/**
 * Keys as LMDB has them: bytes whose order (as unsigned bytes) is the order of the keys' code units, as JavaScript compares strings.
 *
 * UTF-8 has that order, except that characters beyond U+FFFF come last: they are written as their two surrogates, three bytes each. LMDB
 * takes no empty key: a key that is empty or begins with a zero byte gets one more in front. What is longer than LMDB takes is cut, with a
 * hash of the whole behind it; such keys are put in order where they are read, by the whole key that lies with the value.
 */
import { createHash } from 'node:crypto';

/** Longer ones are cut. LMDB takes 1,978 bytes. */
export const WHOLE_KEY_BYTES = 1_024;
const HASH_BYTES = 32;
const FOUR_BYTE_LEAD = 0xf0;
const SURROGATE = /[\ud800-\udfff]/;

export const isCut = (diskKey: Uint8Array): boolean => diskKey.length > WHOLE_KEY_BYTES;

/** Whether two keys that are in order on disk may be out of order, both being cut at the same bytes. */
export const sharesCut = (a: Uint8Array, b: Uint8Array): boolean => isCut(a) && isCut(b) && Buffer.compare(a.subarray(0, WHOLE_KEY_BYTES), b.subarray(0, WHOLE_KEY_BYTES)) === 0;

const bytesOf = (key: string): Buffer => {
  if (!SURROGATE.test(key)) return Buffer.from(key, 'utf8');
  const bytes: number[] = [];
  for (let i = 0; i < key.length; i += 1) {
    const unit = key.charCodeAt(i);
    if (unit < 0x80) bytes.push(unit);
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Buffer.from(bytes);
};

const padded = (bytes: Buffer): Buffer => {
  const shifted = bytes.length === 0 || bytes[0] === 0 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  if (shifted.length <= WHOLE_KEY_BYTES) return shifted;
  return Buffer.concat([shifted.subarray(0, WHOLE_KEY_BYTES), createHash('sha256').update(shifted).digest()], WHOLE_KEY_BYTES + HASH_BYTES);
};

export const toDiskKey = (key: string): Buffer => padded(bytesOf(key));

/** The same from a key's UTF-8, as a changelog has it. */
export const toDiskKeyFromUtf8 = (utf8: Buffer): Buffer => {
  for (let i = 0; i < utf8.length; i += 1) if (utf8[i]! >= FOUR_BYTE_LEAD) return toDiskKey(utf8.toString('utf8'));
  return padded(utf8);
};

/** The key of bytes that are not cut. */
export const fromDiskKey = (diskKey: Uint8Array): string => {
  const bytes = Buffer.from(diskKey.buffer, diskKey.byteOffset, diskKey.length).subarray(diskKey[0] === 0 ? 1 : 0);
  const text = bytes.toString('utf8');
  // Node replaces each byte of a surrogate by U+FFFD; a key may also hold that character itself.
  return text.includes('\ufffd') ? unitsOf(bytes) : text;
};

const unitsOf = (bytes: Buffer): string => {
  let text = '';
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      i += 1;
    } else if (lead < 0xe0) {
      text += String.fromCharCode(((lead & 0x1f) << 6) | (bytes[i + 1]! & 0x3f));
      i += 2;
    } else {
      text += String.fromCharCode(((lead & 0x0f) << 12) | ((bytes[i + 1]! & 0x3f) << 6) | (bytes[i + 2]! & 0x3f));
      i += 3;
    }
  }
  return text;
};
