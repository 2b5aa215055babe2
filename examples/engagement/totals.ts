import type { Enriched } from '../../schemas/enriched.ts';

/** What happened to one content so far. Whole numbers only, so that adding them up in any order gives the same. */
export interface Totals {
  readonly content_id: string;
  readonly events: number;
  readonly plays: number;
  readonly pauses: number;
  readonly finishes: number;
  readonly clicks: number;
  readonly engagement_ms: number;
  /** Of the event with the highest id. */
  readonly content_title: string | null;
  readonly last_event_id: number;
}

export const noTotals: Totals = {
  content_id: '', events: 0, plays: 0, pauses: 0, finishes: 0, clicks: 0, engagement_ms: 0, content_title: null, last_event_id: 0,
};

/** Milliseconds from seconds with three decimals, exactly. */
const millisecondsOf = (seconds: string | null): number => (seconds === null ? 0 : Number(seconds.replace('.', '')));

const one = (condition: boolean): number => (condition ? 1 : 0);

export const addEvent = (totals: Totals, event: Enriched): Totals => {
  const id = Number(event.event_id);
  const newest = id > totals.last_event_id;
  return {
    content_id: event.content_id,
    events: totals.events + 1,
    plays: totals.plays + one(event.event_type === 'play'),
    pauses: totals.pauses + one(event.event_type === 'pause'),
    finishes: totals.finishes + one(event.event_type === 'finish'),
    clicks: totals.clicks + one(event.event_type === 'click'),
    engagement_ms: totals.engagement_ms + millisecondsOf(event.engagement_seconds),
    content_title: newest ? event.content_title : totals.content_title,
    last_event_id: newest ? id : totals.last_event_id,
  };
};
