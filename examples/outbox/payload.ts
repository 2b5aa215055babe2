/** What the trigger puts into the outbox (setup.sql). */
export interface Payload {
  /** Of the row in engagement_events, as text. */
  readonly id: string;
  readonly content_id: string;
  readonly user_id: string;
  readonly event_type: string;
  /** ISO 8601 in UTC with six digits of a second. */
  readonly event_time: string;
  readonly duration_ms: number | null;
  readonly device: string | null;
}

const TEXTS = ['id', 'content_id', 'user_id', 'event_type', 'event_time'] as const;

/** A payload from JSON text. Whatever else comes through the outbox is a dead letter. */
export const parsePayload = (text: string): Payload => {
  const found = JSON.parse(text) as Record<string, unknown> | null;
  const missing = TEXTS.filter((name) => typeof found?.[name] !== 'string');
  if (missing.length > 0) throw new TypeError(`the payload lacks ${missing.join(', ')}`);
  return found as unknown as Payload;
};
