/** Debezium's counts of days, milliseconds, microseconds and nanoseconds as ISO 8601 text, in the form in which Java writes it (a year beyond 9999 has a sign). */
import type { Cursor } from './cursor.ts';

type Read = (cursor: Cursor) => string;

const DAY_SECONDS = 86_400n;
/** Days from 0000-03-01 to 1970-01-01 in the Gregorian calendar carried backwards, and in its cycle of 400 years. */
const TO_MARCH_0 = 719_468;
const CYCLE_DAYS = 146_097;

const two = (n: number): string => String(n).padStart(2, '0');

const yearText = (year: number): string => {
  if (year > 9999) return `+${year}`;
  return year < 0 ? `-${String(-year).padStart(4, '0')}` : String(year).padStart(4, '0');
};

/** A count of days since 1970-01-01 as a date. Years are counted from March, so that a leap day is a year's last. */
export const dateText = (days: number): string => {
  const shifted = days + TO_MARCH_0;
  const cycle = Math.floor(shifted / CYCLE_DAYS);
  const day = shifted - cycle * CYCLE_DAYS;
  const year = Math.floor((day - Math.floor(day / 1_460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365);
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * dayOfYear + 2) / 153);
  const inMonth = dayOfYear - Math.floor((153 * month + 2) / 5) + 1;
  const calendarMonth = month < 10 ? month + 3 : month - 9;
  return `${yearText(year + cycle * 400 + (calendarMonth <= 2 ? 1 : 0))}-${two(calendarMonth)}-${two(inMonth)}`;
};

const clockText = (seconds: number, fraction: bigint, digits: number): string => {
  const text = `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(digits, '0').replace(/0+$/, '')}`;
};

const timeOfDay = (digits: number) => (units: bigint): string => {
  const unit = 10n ** BigInt(digits);
  return clockText(Number(units / unit), units % unit, digits);
};

/** PostgreSQL's infinities, in Debezium's counts: the times that the JDBC driver has for them. */
const INFINITY_MS = 9_223_372_036_825_200n;
const MINUS_INFINITY_MS = -9_223_372_036_832_400n;

const timestamp = (digits: number) => {
  const unit = 10n ** BigInt(digits);
  const day = DAY_SECONDS * unit;
  const infinity = INFINITY_MS * unit / 1_000n;
  const minusInfinity = MINUS_INFINITY_MS * unit / 1_000n;
  return (units: bigint): string => {
    if (units === infinity) return 'infinity';
    if (units === minusInfinity) return '-infinity';
    const inDay = ((units % day) + day) % day;
    return `${dateText(Number((units - inDay) / day))}T${clockText(Number(inDay / unit), inDay % unit, digits)}`;
  };
};

const TEXTS: Readonly<Record<string, (units: bigint) => string>> = {
  'io.debezium.time.Date': (days) => dateText(Number(days)),
  'io.debezium.time.Time': timeOfDay(3),
  'io.debezium.time.MicroTime': timeOfDay(6),
  'io.debezium.time.NanoTime': timeOfDay(9),
  'io.debezium.time.Timestamp': timestamp(3),
  'io.debezium.time.MicroTimestamp': timestamp(6),
  'io.debezium.time.NanoTimestamp': timestamp(9),
  'org.apache.kafka.connect.data.Date': (days) => dateText(Number(days)),
  'org.apache.kafka.connect.data.Time': timeOfDay(3),
  'org.apache.kafka.connect.data.Timestamp': timestamp(3),
};

/** Whether values of this `connect.name` are counts of time, which the choice `time` is about. */
export const isTimeUnits = (connectName: string | undefined): boolean => connectName !== undefined && Object.hasOwn(TEXTS, connectName);

/** The reader that makes text of a count with this `connect.name`; undefined for what is none. */
export const timeText = (connectName: string | undefined, kind: string): Read | undefined => {
  if (connectName === undefined || !isTimeUnits(connectName) || (kind !== 'int' && kind !== 'long')) return undefined;
  const text = TEXTS[connectName]!;
  return (cursor) => text(cursor.bigint());
};
