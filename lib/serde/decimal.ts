/**
 * Connect's Decimal: the unscaled value as big-endian two's complement bytes, the scale beside it. In TypeScript it is exact
 * decimal text: never a number, which could not hold it.
 */

/** Digits that the text of one decimal may have: PostgreSQL's numeric goes to 131,072 + 16,383. */
const MAX_DIGITS = 150_000;

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** Big-endian two's complement to bigint; no bytes are 0. */
export const unscaledOf = (bytes: Uint8Array): bigint => {
  const { length } = bytes;
  if (length === 0) return 0n;
  if (length <= 6) {
    let n = bytes[0]! >= 0x80 ? bytes[0]! - 0x100 : bytes[0]!;
    for (let i = 1; i < length; i += 1) n = n * 256 + bytes[i]!;
    return BigInt(n);
  }
  const magnitude = BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('hex')}`);
  return bytes[0]! >= 0x80 ? magnitude - (1n << BigInt(length * 8)) : magnitude;
};

/** Shortest big-endian two's complement of a bigint, as Java's BigInteger.toByteArray gives it. */
export const unscaledBytes = (value: bigint): Buffer => {
  const magnitude = value < 0n ? -value - 1n : value;
  const hex = magnitude.toString(16);
  const length = Math.floor((hex.length * 4 - Math.clz32(Number.parseInt(hex[0]!, 16)) + 28) / 8) + 1;
  const pattern = value < 0n ? (1n << BigInt(length * 8)) + value : value;
  return Buffer.from(pattern.toString(16).padStart(length * 2, '0'), 'hex');
};

const SMALL_BYTES = 6;

/** The text of a decimal's bytes; most fit a number, which is several times quicker than a bigint. */
export const decimalOf = (bytes: Uint8Array, scale: number): string => {
  const { length } = bytes;
  if (length === 0 || length > SMALL_BYTES || scale <= 0 || scale > 15) return decimalText(unscaledOf(bytes), scale);
  let n = bytes[0]! >= 0x80 ? bytes[0]! - 0x100 : bytes[0]!;
  for (let i = 1; i < length; i += 1) n = n * 256 + bytes[i]!;
  const digits = String(n < 0 ? -n : n).padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${n < 0 ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
};

/** Exact decimal text: 1234 with scale 2 is "12.34", 12 with scale -2 is "1200". Keeps the scale's trailing zeros. */
export const decimalText = (unscaled: bigint, scale: number): string => {
  if (Math.abs(scale) > MAX_DIGITS) throw new Error(`scale ${scale} is out of range`);
  if (scale <= 0) return unscaled === 0n ? '0' : `${unscaled}${'0'.repeat(-scale)}`;
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}`;
};

/** PostgreSQL has no scale beyond this one; Debezium takes a negative scale for one of up to 2,047, and fills that up with zeros. */
export const LARGEST_SCALE = 1_000;

/** The text of a decimal without the zeros behind its point. */
export const wholeText = (bytes: Uint8Array, scale: number): string => {
  const unscaled = unscaledOf(bytes);
  const unit = 10n ** BigInt(Math.min(scale, MAX_DIGITS));
  return unscaled % unit === 0n ? String(unscaled / unit) : decimalText(unscaled, scale);
};

/** Unscaled value and own scale of decimal text; undefined when it is none. */
export const parseDecimal = (text: string): { readonly unscaled: bigint; readonly scale: number } | undefined => {
  if (text.length > MAX_DIGITS) return undefined;
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const fraction = match[3] ?? '';
  const unscaled = BigInt(`${match[2]}${fraction}`);
  return { unscaled: match[1] === '-' ? -unscaled : unscaled, scale: fraction.length };
};

/** The unscaled value of decimal text at a scale; undefined when digits would be lost. */
export const unscaledAt = (text: string, scale: number): bigint | undefined => {
  const parsed = parseDecimal(text);
  if (parsed === undefined) return undefined;
  if (parsed.scale <= scale) return parsed.unscaled * 10n ** BigInt(scale - parsed.scale);
  const divisor = 10n ** BigInt(parsed.scale - scale);
  return parsed.unscaled % divisor === 0n ? parsed.unscaled / divisor : undefined;
};

const SMALL_DIGITS = 15;
const POINT = 0x2e;
const MINUS = 0x2d;

/** As `unscaledAt`, for short text with as many decimals as the scale or fewer; undefined for all that takes the longer way. */
export const smallUnscaledAt = (text: string, scale: number): number | undefined => {
  const { length } = text;
  const negative = length > 0 && text.charCodeAt(0) === MINUS;
  let at = negative ? 1 : 0;
  if (length - at > SMALL_DIGITS || scale < 0) return undefined;
  let n = 0;
  let digits = 0;
  let decimals = -1;
  for (; at < length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === POINT && decimals < 0 && digits > 0) {
      decimals = 0;
      continue;
    }
    if (code < 0x30 || code > 0x39) return undefined;
    n = n * 10 + code - 0x30;
    digits += 1;
    if (decimals >= 0) decimals += 1;
  }
  if (digits === 0 || decimals === 0) return undefined;
  const missing = scale - Math.max(decimals, 0);
  if (missing < 0 || digits + missing > SMALL_DIGITS) return undefined;
  for (let i = 0; i < missing; i += 1) n *= 10;
  return negative ? -n : n;
};

/** As `unscaledBytes`, for whole numbers of up to 15 digits. */
export const smallUnscaledBytes = (value: number, out: Uint8Array): number => {
  let length = 1;
  for (let bound = 0x80; value >= bound || value < -bound; bound *= 256) length += 1;
  let rest = value;
  for (let i = length - 1; i >= 0; i -= 1) {
    const low = ((rest % 256) + 256) % 256;
    out[i] = low;
    rest = (rest - low) / 256;
  }
  return length;
};

/** Every decimal with so many significant digits has a double of its own. */
const SAFE_DIGITS = 15;
/** Smaller ones lose digits of their doubles. */
const LEAST = 1e-300;

/** Significant digits and the power of ten behind them. */
const significant = (text: string): string => {
  const [mantissa = '', exponent = '0'] = text.replace(/^-/, '').split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const short = digits.replace(/0+$/, '');
  return `${short}e${Number(exponent) - fraction.length + digits.length - short.length}`;
};

/** The number that prints as this decimal; undefined when there is none: it would print other digits. */
export const numberOf = (text: string): number | undefined => {
  const n = Number(text);
  if (text.length <= SAFE_DIGITS) return n;
  if (!Number.isFinite(n)) return undefined;
  if (n === 0) return significant(text).startsWith('e') ? 0 : undefined;
  if (Math.abs(n) < LEAST) return undefined;
  return significant(text) === significant(n.toExponential()) ? n : undefined;
};

/** Whether an unscaled value has at most so many digits. */
export const fitsPrecision = (unscaled: bigint, precision: number): boolean => {
  const bound = 10n ** BigInt(precision);
  return unscaled < bound && unscaled > -bound;
};
