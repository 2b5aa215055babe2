import { expect } from 'chai';
import { describe, it } from 'mocha';
import { dateText, isTimeUnits, overflowOf, timeText } from '../../lib/serde/time-text.ts';

const NAMES = { date: 'io.debezium.time.Date', ms: 'io.debezium.time.Timestamp', us: 'io.debezium.time.MicroTimestamp', ns: 'io.debezium.time.NanoTimestamp', timeMs: 'io.debezium.time.Time', timeUs: 'io.debezium.time.MicroTime', timeNs: 'io.debezium.time.NanoTime', connect: 'org.apache.kafka.connect.data.Timestamp' } as const;

describe('counts of time as text', () => {
  const cases: readonly (readonly [unit: keyof typeof NAMES, units: bigint, text: string])[] = [
    ['date', 0n, '1970-01-01'],
    ['date', -1n, '1969-12-31'],
    ['date', 11_016n, '2000-02-29'],
    ['date', 11_017n, '2000-03-01'],
    ['date', -25_509n, '1900-02-28'],
    ['date', -25_508n, '1900-03-01'],
    ['date', 2_932_896n, '9999-12-31'],
    ['date', 2_932_897n, '+10000-01-01'],
    ['date', -719_528n, '0000-01-01'],
    ['date', -719_529n, '-0001-12-31'],
    ['date', -2_440_588n, '-4713-11-24'],
    ['date', 2_145_042_905n, '+5874897-12-31'],
    ['date', 2_146_033_979n, 'infinity'],
    ['date', -2_147_472_691n, '-infinity'],
    ['timeMs', 86_399_999n, '23:59:59.999'],
    ['timeMs', 500n, '00:00:00.5'],
    ['timeUs', 86_400_000_000n, '24:00:00'],
    ['timeUs', 1n, '00:00:00.000001'],
    ['timeNs', 3_600_000_000_001n, '01:00:00.000000001'],
    ['ms', -1n, '1969-12-31T23:59:59.999'],
    ['ms', 9_223_372_036_825_200_000n, 'infinity'],
    ['ms', -9_223_372_036_832_400_000n, '-infinity'],
    ['us', 1_767_323_045_123_456n, '2026-01-02T03:04:05.123456'],
    ['us', 0n, '1970-01-01T00:00:00'],
    ['us', -210_866_803_200_000_000n, '-4713-11-24T00:00:00'],
    ['us', 9_223_372_036_854_775_807n, 'infinity'],
    ['us', -9_223_372_036_854_775_808n, '-infinity'],
    ['us', -9_223_372_036_832_400_000n, '-infinity'],
    ['ns', -1n, '1969-12-31T23:59:59.999999999'],
    ['connect', 1n, '1970-01-01T00:00:00.001'],
  ];
  for (const [unit, units, text] of cases) {
    it(`${units} ${unit} is ${text}`, () => expect(timeText(NAMES[unit])!(units)).to.equal(text));
  }

  it('agree with the calendar of JavaScript over a cycle of 400 years, and one before', () => {
    for (let days = -292_194; days <= 146_097; days += 97) expect(dateText(days)).to.equal(new Date(days * 86_400_000).toISOString().slice(0, 10));
  });

  it('are made of counts only', () => {
    expect(timeText(undefined)).to.equal(undefined);
    expect(timeText('io.debezium.time.ZonedTimestamp')).to.equal(undefined);
    expect(isTimeUnits('io.debezium.time.MicroDuration')).to.equal(false);
    expect(isTimeUnits('toString')).to.equal(false);
  });
});

describe('counts that Debezium got wrong', () => {
  for (const [name, units, wrong] of [
    [NAMES.us, -9_223_372_036_853_775_810n, true],
    [NAMES.us, -210_866_803_200_000_001n, true],
    [NAMES.us, -210_866_803_200_000_000n, false],
    [NAMES.us, -9_223_372_036_854_775_808n, false],
    [NAMES.date, -622_191_234n, true],
    [NAMES.date, -2_440_588n, false],
    ['io.debezium.time.MicroDuration', -9_223_372_036_854_775_808n, true],
    ['io.debezium.time.MicroDuration', 9_223_372_036_854_775_806n, false],
  ] as const) {
    it(`${units} as ${name} is ${wrong ? 'none' : 'one'} that a column can have`, () => expect(overflowOf(name)!(units) !== undefined).to.equal(wrong));
  }
});
