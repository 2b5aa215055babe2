/** Events joined with the rows that they name, both captured from PostgreSQL. */
import { debezium, inserts, json, leftJoin, map, schema, stream, table, to, topology, type Schema } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import type { Joined } from '../../../benchmarks/join/tally.ts';
import { contentRow } from '../../../schemas/content.ts';
import { engagementEvent } from '../../../schemas/engagement_event.ts';

export interface PairTopics {
  readonly content: string;
  readonly events: string;
}

/** The same row under the name that Debezium gives it for another table. */
const renamed = <T>({ avro }: Schema<T>, namespace: string): Schema<T> => schema<T>({ ...(avro as { readonly type: 'record'; readonly name: string }), namespace });

export const pairs = (app: string, topics: PairTopics, out: string) => {
  const rows = table(topics.content, debezium(renamed(contentRow, topics.content)), { key: 'id' });
  return topology(app, stream(topics.events, debezium(renamed(engagementEvent, topics.events), { int64: 'number' })).pipe(
    inserts({ snapshot: 'include' }),
    leftJoin(rows, (event) => event.content_id),
    map(([{ id, device }, row]): Joined => ({ id, device, content_title: row?.title ?? null })),
    to('joined', kafka(out, json<Joined>())),
  ));
};

const { RT_APP = 'pairs', RT_CONTENT = 'content', RT_EVENTS = 'events', RT_OUT = 'pairs' } = process.env;

export default pairs(RT_APP, { content: RT_CONTENT, events: RT_EVENTS }, RT_OUT);
