import { expect } from 'chai';
import { describe, it } from 'mocha';
import { idempotencyKeyHeader } from '../../lib/sinks/http/request.ts';
import { retryAfterMs } from '../../lib/sinks/http/response.ts';

describe('Idempotency-Key', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['grün\n', '"gr%C3%BCn%0A"'],
    ['\ud800', '"%EF%BF%BD"'],
  ];
  for (const [key, header] of cases) it(`stands as ${header}`, () => expect(idempotencyKeyHeader(key)).equal(header));
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  const cases: readonly (readonly [string | undefined, number | undefined])[] = [
    ['0', 0], ['7', 7_000], [' 7 ', 7_000], ['100000', 300_000], ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000], ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['Thu, 01 Jan 2027 12:00:00 GMT', 300_000], ['soon', undefined], ['', undefined], [undefined, undefined],
  ];
  for (const [header, waitMs] of cases) it(`reads ${JSON.stringify(header)} as ${waitMs}`, () => expect(retryAfterMs(header, now)).equal(waitMs));
});
