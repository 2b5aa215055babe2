/** Debezium's counts of days, milliseconds, microseconds and nanoseconds as ISO 8601 text, in the form in which Java writes it (a year beyond 9999 has a sign). */
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

const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);
/** PostgreSQL's first and last day, 4714-11-24 BC and 5874897-12-31; no timestamp is later than the year 294276. */
const FIRST_DAY = -2_440_588n;
const LAST_DAY = 2_145_042_905n;
const END_OF_TIMESTAMPS_DAY = 106_762_940n;

/** Debezium's counts for 'infinity' lie beyond every date or time stamp that PostgreSQL has; where microseconds leave no room there, they are the ends of int64. */
const datetime = (digits: number) => {
  const unit = 10n ** BigInt(digits);
  const day = DAY_SECONDS * unit;
  const first = FIRST_DAY * day;
  const end = END_OF_TIMESTAMPS_DAY * day;
  return (units: bigint): string => {
    if (units >= end || units === LONG_MAX) return 'infinity';
    if (units < first) return '-infinity';
    const inDay = ((units % day) + day) % day;
    return `${dateText(Number((units - inDay) / day))}T${clockText(Number(inDay / unit), inDay % unit, digits)}`;
  };
};

/** Debezium's count for '-infinity' lies below; what is between it and the first day is what its snapshots make of infinities. */
const NO_DAY = -2_147_000_000n;

const date = (days: bigint): string => {
  if (days > LAST_DAY) return 'infinity';
  return days < FIRST_DAY ? '-infinity' : dateText(Number(days));
};

const TEXTS: Readonly<Record<string, (units: bigint) => string>> = {
  'io.debezium.time.Date': date,
  'io.debezium.time.Time': timeOfDay(3),
  'io.debezium.time.MicroTime': timeOfDay(6),
  'io.debezium.time.NanoTime': timeOfDay(9),
  'io.debezium.time.Timestamp': datetime(3),
  'io.debezium.time.MicroTimestamp': datetime(6),
  'io.debezium.time.NanoTimestamp': datetime(9),
  'org.apache.kafka.connect.data.Date': date,
  'org.apache.kafka.connect.data.Time': timeOfDay(3),
  'org.apache.kafka.connect.data.Timestamp': datetime(3),
};

/** Whether values of this `connect.name` are counts of time, which the choice `time` is about. */
export const isTimeUnits = (connectName: string | undefined): boolean => connectName !== undefined && Object.hasOwn(TEXTS, connectName);

/** What makes text of a count with this `connect.name`; undefined for what is none. */
export const timeText = (connectName: string | undefined): ((units: bigint) => string) | undefined =>
  connectName !== undefined && isTimeUnits(connectName) ? TEXTS[connectName] : undefined;

const MICROSECONDS_PER_DAY = DAY_SECONDS * 1_000_000n;
/** How older versions of Debezium give '-infinity'. */
const OLD_MINUS_INFINITY = -9_223_372_036_832_400_000n;

/** Why a count cannot be what the column had: Debezium's own arithmetic has overflowed. Undefined for a `connect.name` where that does not happen. */
export const overflowOf = (connectName: string | undefined): ((units: bigint) => string | undefined) | undefined => {
  if (connectName === 'io.debezium.time.Date') {
    return (days) => (days < FIRST_DAY && days > NO_DAY ? 'a date before 4714-11-24 BC, which PostgreSQL does not have: a snapshot of Debezium reads infinity so' : undefined);
  }
  if (connectName === 'io.debezium.time.MicroTimestamp') {
    const first = FIRST_DAY * MICROSECONDS_PER_DAY;
    return (us) => (us < first && us !== LONG_MIN && us !== OLD_MINUS_INFINITY ? 'a time stamp after 294247-01-10, which Debezium cannot carry in microseconds' : undefined);
  }
  if (connectName === 'io.debezium.time.MicroDuration') {
    return (us) => (us === LONG_MAX || us === LONG_MIN ? 'an interval of more than 292,271 years, which Debezium cannot carry in microseconds: set interval.handling.mode=string' : undefined);
  }
  return undefined;
};
