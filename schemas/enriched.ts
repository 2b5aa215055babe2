/** Generated from enriched.avsc by `millrace schemas types`: change that file and run it again. */
import { schema, type Decimal } from 'millrace/topology';

/** An engagement event with its content and what follows from both: the values of the topic engagement.enriched. */
export interface Enriched {
  readonly event_id: bigint;
  readonly content_id: string;
  readonly user_id: string;
  readonly event_type: string;
  /** ISO 8601 in UTC with up to six digits of a second. */
  readonly event_ts: string;
  readonly device: string | null;
  /** Null, as all of the content, when no such content was known. */
  readonly content_title: string | null;
  readonly content_type: string | null;
  readonly content_length_seconds: number | null;
  /**
   * duration_ms / 1000.
   * Exact decimal text with 3 digits behind the point.
   */
  readonly engagement_seconds: Decimal | null;
  /**
   * Per cent of the content's length, rounded half away from zero.
   * Exact decimal text with 2 digits behind the point.
   */
  readonly engagement_pct: Decimal | null;
  /** When this record was made, ISO 8601 in UTC. */
  readonly processed_at: string;
  /** Names of what is odd but possible about the event. */
  readonly anomalies: readonly string[];
}

export const enrichedSchema = schema<Enriched>({
  type: 'record',
  name: 'Enriched',
  namespace: 'engagement',
  doc: 'An engagement event with its content and what follows from both: the values of the topic engagement.enriched.',
  fields: [
    { name: 'event_id', type: 'long' },
    { name: 'content_id', type: 'string' },
    { name: 'user_id', type: 'string' },
    { name: 'event_type', type: 'string' },
    { name: 'event_ts', type: 'string', doc: 'ISO 8601 in UTC with up to six digits of a second.' },
    { name: 'device', type: ['null', 'string'], default: null },
    { name: 'content_title', type: ['null', 'string'], default: null, doc: 'Null, as all of the content, when no such content was known.' },
    { name: 'content_type', type: ['null', 'string'], default: null },
    { name: 'content_length_seconds', type: ['null', 'int'], default: null },
    {
      name: 'engagement_seconds',
      type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 3, 'connect.name': 'org.apache.kafka.connect.data.Decimal' }],
      default: null,
      doc: 'duration_ms / 1000.',
    },
    {
      name: 'engagement_pct',
      type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2, 'connect.name': 'org.apache.kafka.connect.data.Decimal' }],
      default: null,
      doc: 'Per cent of the content\'s length, rounded half away from zero.',
    },
    { name: 'processed_at', type: 'string', doc: 'When this record was made, ISO 8601 in UTC.' },
    { name: 'anomalies', type: { type: 'array', items: 'string' }, doc: 'Names of what is odd but possible about the event.' },
  ],
});
