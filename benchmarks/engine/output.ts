/** What the engine's programs write: the fields that the peers' programs write, under the same names. */
import type { ContentRow } from '../../schemas/content.ts';
import type { EngagementEvent } from '../../schemas/engagement_event.ts';
import type { WithNumbers } from '../../topology/index.ts';

export type Event = WithNumbers<EngagementEvent>;

export interface Output {
  readonly id: number;
  readonly content_id: string;
  readonly user_id: string;
  readonly event_type: string;
  readonly event_ts: string;
  readonly duration_ms: number | null;
  readonly device: string | null;
  readonly content_title: string | null;
  readonly content_type: string | null;
  readonly length_seconds: number | null;
  readonly engagement_seconds: number | null;
  readonly engagement_pct: number | null;
}

/**
 * Per cent with two decimals, halves away from zero as SQL's `numeric` rounds them: in whole hundredths, which a double holds
 * exactly, so that the number printed is the decimal.
 */
export const percentOf = (durationMs: number, lengthSeconds: number): number => {
  const numerator = 20 * Math.abs(durationMs) + lengthSeconds;
  const hundredths = (numerator - (numerator % (2 * lengthSeconds))) / (2 * lengthSeconds);
  return (durationMs < 0 ? -hundredths : hundredths) / 100;
};

export const outputOf = (event: Event, about: ContentRow | null): Output => {
  const { duration_ms: duration } = event;
  const length = about === null ? null : about.length_seconds;
  return {
    id: event.id,
    content_id: event.content_id,
    user_id: event.user_id,
    event_type: event.event_type,
    event_ts: event.event_ts,
    duration_ms: duration,
    device: event.device,
    content_title: about === null ? null : about.title,
    content_type: about === null ? null : about.content_type,
    length_seconds: length,
    engagement_seconds: duration === null ? null : duration / 1_000,
    engagement_pct: duration === null || length === null || length === 0 ? null : percentOf(duration, length),
  };
};
