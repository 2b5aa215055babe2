/** Generated from content.avsc by `millrace schemas types`: change that file and run it again. */
import { schema } from 'millrace/topology';

/** A row of public.content as Debezium writes it with topic.prefix=app. */
export interface ContentRow {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  /** podcast, newsletter or video. */
  readonly content_type: string;
  /** Null for what has no length, such as a newsletter. */
  readonly length_seconds: number | null;
  /** ISO 8601 text in UTC, up to six digits of a second; 'infinity' and '-infinity' are possible. */
  readonly publish_ts: string;
}

export const contentRow = schema<ContentRow>({
  type: 'record',
  name: 'Value',
  namespace: 'app.public.content',
  doc: 'A row of public.content as Debezium writes it with topic.prefix=app.',
  fields: [
    { name: 'id', type: { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Uuid' } },
    { name: 'slug', type: 'string' },
    { name: 'title', type: 'string' },
    { name: 'content_type', type: 'string', doc: 'podcast, newsletter or video.' },
    { name: 'length_seconds', type: ['null', 'int'], default: null, doc: 'Null for what has no length, such as a newsletter.' },
    { name: 'publish_ts', type: { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.time.ZonedTimestamp' } },
  ],
  'connect.name': 'app.public.content.Value',
});
