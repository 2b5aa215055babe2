import { expect } from 'chai';
import { describe, it } from 'mocha';
import topology, { content, events } from '../../../examples/outbox/topology.ts';
import { drive } from '../../../lib/testing/index.ts';

const NOW_MS = Date.parse('2024-03-01T10:00:00.250Z');
const CONTENT = '123e4567-e89b-42d3-a456-426614174000';
const USER = '223e4567-e89b-42d3-a456-426614174000';

const payload = (changes: object = {}): string => JSON.stringify({
  id: '9007199254740993', content_id: CONTENT, user_id: USER, event_type: 'finish', event_time: '2024-02-29T23:59:59.123456Z', duration_ms: 61_200, device: 'ios', ...changes,
});

const driver = () => {
  const driven = drive(topology, { nowMs: NOW_MS });
  driven.table(content).put({ id: CONTENT, slug: 'bees', title: 'Bees', content_type: 'podcast', length_seconds: 60, publish_ts: '2024-01-01T00:00:00Z' });
  return driven;
};

describe('the topology of the outbox example', () => {
  it('makes a hash of text that expires after a day', () => {
    const driven = driver();
    driven.input(events).send(payload());
    expect(driven.sink('events').map(({ write }) => write)).to.deep.equal([{
      type: 'hash', key: 'engagement_events:event:9007199254740993', expireSeconds: 86_400,
      fields: {
        event_id: '9007199254740993', content_id: CONTENT, user_id: USER, event_type: 'finish', event_time_str: '2024-02-29T23:59:59.123456Z', duration_ms_str: 61_200, device: 'ios',
        content_title: 'Bees', content_type: 'podcast', length_seconds: 60, engagement_seconds_str: '61.200', engagement_pct: '1.0200', processed_at: '2024-03-01T10:00:00.250Z',
      },
    }]);
  });

  it('makes a row of the content and day, with the time of the record', () => {
    const driven = driver();
    driven.input(events).send(payload(), { timestamp: 1_709_250_000_000 });
    const [row] = driven.sink('metrics');
    expect(row!.timestamp).to.equal(1_709_250_000_000);
    expect(row!.write).to.deep.equal({
      key: { content_id: CONTENT, event_day: '2024-02-29', event_id: 9_007_199_254_740_993n },
      set: {
        user_id: USER, event_type: 'finish', event_time: Date.parse('2024-02-29T23:59:59.123Z'), event_time_str: '2024-02-29T23:59:59.123456Z', duration_ms: 61_200, device: 'ios',
        content_title: 'Bees', content_type: 'podcast', length_seconds: 60, engagement_seconds: '61.200', engagement_pct: '1.0200', processed_at: NOW_MS,
      },
    });
  });

  it('leaves measures and content null where there is none', () => {
    const driven = driver();
    driven.input(events).send(payload({ content_id: USER, duration_ms: null, device: null }));
    const { fields } = driven.sink('events')[0]!.write as { readonly fields: Record<string, unknown> };
    expect(fields).to.include({ content_title: null, engagement_pct: null, engagement_seconds_str: null, duration_ms_str: null, device: null });
  });

  it('makes a dead letter of what is no payload of the trigger', () => {
    const driven = driver();
    for (const text of ['', '{"id": 5}', 'null']) driven.input(events).send(text);
    expect(driven.deadLetters()).to.have.length(3);
    expect(driven.sink('events')).to.have.length(0);
  });
});
