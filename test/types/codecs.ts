import { avro, debezium, json, stream, table, type AvroCodec, type Change, type DebeziumCodec, type JsonCodec, type Stream, type Table } from 'millrace/topology';
import { sameType } from './expect.ts';
import { contentRow, engagementEvent, type EngagementEvent } from './rows.ts';

interface Everything {
  readonly text?: string;
  numbers: readonly (readonly number[])[];
  choice: 'a' | 'b' | null;
  nested: Everything | null;
  byName: Record<string, boolean>;
  pair: [string, number?];
  union: { kind: 1; x: string } | { kind: 2 };
}
sameType<ReturnType<typeof json<Everything>>, JsonCodec<Everything>>(true);
json<Everything[]>();
json<Everything | string>();
json<Record<string, Everything>>();
json<string>();
json<number | null>();

// @ts-expect-error JSON has no bigint
json<bigint>();
// @ts-expect-error JSON has no bigint in a field
json<{ readonly name: string; readonly id: bigint }>();
// @ts-expect-error JSON has no bigint deep inside
json<{ readonly list?: readonly { readonly id: bigint | null }[] }>();
// @ts-expect-error JSON has no Date
json<{ readonly at: Date }>();
// @ts-expect-error JSON has no bytes
json<{ readonly body: Uint8Array | null }>();
// @ts-expect-error JSON has no Map
json<{ readonly counts: Map<string, number> }>();
// @ts-expect-error JSON has no functions
json<{ readonly run: () => void }>();
// @ts-expect-error what JSON carries has to be named
json<unknown>();

sameType<ReturnType<typeof exact>, AvroCodec<EngagementEvent>>(true);
const exact = () => avro(engagementEvent);

type EventWithNumbers = Omit<EngagementEvent, 'id'> & { readonly id: number };
const numbers = avro(engagementEvent, { int64: 'number' });
const asNumber: AvroCodec<EventWithNumbers> = numbers;
void asNumber;
// @ts-expect-error int64 is a number now
const asBigint: AvroCodec<EngagementEvent> = numbers;
void asBigint;

sameType<ReturnType<typeof changes>, DebeziumCodec<EngagementEvent>>(true);
const changes = () => debezium(engagementEvent, { timestamp: (row) => Number(row.id) });
debezium(engagementEvent, { timestamp: (row) => row.id, int64: 'number' });
// @ts-expect-error an event time is a number
debezium(engagementEvent, { timestamp: (row) => row.id });

const sourced = stream('events', debezium(engagementEvent));
sameType<typeof sourced, Stream<Change<EngagementEvent>, unknown>>(true);
const plain = stream('events', avro(engagementEvent));
sameType<typeof plain, Stream<EngagementEvent, unknown>>(true);
// @ts-expect-error a codec of something has to say of what
stream('events', json());

interface Content { readonly id: string; readonly slug: string; readonly title: string; readonly length_seconds: number | null }
const byId = table('content', debezium(contentRow), { key: 'id' });
sameType<typeof byId, Table<Content, string>>(true);
const byTwo = table('content', avro(contentRow), { key: ['slug', 'length_seconds'] });
sameType<typeof byTwo, Table<Content, readonly [string, number | null]>>(true);
// @ts-expect-error a key is a column of the row
table('content', debezium(contentRow), { key: 'ident' });
// @ts-expect-error each key is a column of the row
table('content', debezium(contentRow), { key: ['id', 'ident'] });
