/** What an event must be (else it is a dead letter), and what is odd about it but possible. */
import type { Meta } from 'millrace/topology';
import type { ContentRow } from '../../schemas/content.ts';
import type { EngagementEvent } from '../../schemas/engagement_event.ts';

const HOUR_MS = 3_600_000;
const TYPES: readonly string[] = ['play', 'pause', 'finish', 'click'];

export const durationNotNegative = (event: EngagementEvent): boolean => event.duration_ms === null || event.duration_ms >= 0;

export const knownType = (event: EngagementEvent): boolean => TYPES.includes(event.event_type);

/** Clocks of devices may run ahead, by an hour at most. A time that is none ('infinity') breaks the rule too. */
export const notFromTheFuture = (event: EngagementEvent, meta: Meta): boolean => Date.parse(event.event_ts) <= meta.now + HOUR_MS;

export const anomaliesOf = (event: EngagementEvent, content: ContentRow | null): readonly string[] => {
  if (content === null) return ['unknown content'];
  const { duration_ms: duration } = event;
  const { length_seconds: length } = content;
  const found: string[] = [];
  if (duration !== null && length !== null && length > 0 && duration > length * 1_000) found.push('over 100 %');
  if (isBefore(event.event_ts, content.publish_ts)) found.push('before publication');
  return found;
};

/** Compares two ISO times in UTC of up to six digits of a second. */
const isBefore = (a: string, b: string): boolean => {
  const difference = Date.parse(a) - Date.parse(b);
  return difference < 0 || (difference === 0 && microsOf(a) < microsOf(b));
};

/** The fourth to sixth digit of the second. */
const microsOf = (time: string): number => Number((/\.\d{3}(\d{1,3})/.exec(time)?.[1] ?? '0').padEnd(3, '0'));
