import type { KafkaPort, RecordHeaders } from '../../../lib/kafka/port.ts';
import { names } from '../names.ts';
import type { Decoded, Decoder } from './decode.ts';
import type { Row } from './fill.ts';
import { readTopic } from './topics.ts';

const joined = (anomalies: unknown): string | null => {
  const list = anomalies as readonly string[];
  return list.length === 0 ? null : list.join(', ');
};

/** The enriched topic's rows of events since then: older ones may be gone from it. */
export async function* readEnriched(kafka: KafkaPort, decoder: Decoder, sinceMs: number): AsyncGenerator<Row> {
  for await (const { value } of readTopic(kafka, names.enrichedTopic)) {
    const row = await decoder.decode(value);
    if (row === null) throw new Error(`a record of ${names.enrichedTopic} is not Avro`);
    if (Date.parse(String(row.event_ts)) >= sinceMs) yield { ...row, anomalies: joined(row.anomalies) };
  }
}

const header = (headers: RecordHeaders, name: string): string | null => headers.findLast(([known]) => known === name)?.[1]?.toString('utf8') ?? null;

const eventIdOf = (row: Decoded | null): unknown => {
  const after = row?.after as Decoded | null | undefined;
  return after?.id ?? row?.event_id ?? null;
};

const reasonOf = (headers: RecordHeaders): string => {
  const rule = header(headers, '__millrace.errors.rule');
  if (rule !== null) return rule;
  const message = header(headers, '__streams.errors.message') ?? 'no reason given';
  return message.includes('422') ? 'refused' : message;
};

export async function* readDeadLetters(kafka: KafkaPort, decoder: Decoder, without: readonly string[]): AsyncGenerator<Row> {
  const leftOut: readonly string[] = names.systems.filter(({ name }) => without.includes(name)).flatMap(({ sinks }) => sinks);
  for (const stage of names.stages.filter((name) => !leftOut.includes(name))) {
    for await (const { value, headers } of readTopic(kafka, `${names.app}-${stage}-dlq`)) {
      yield { stage: header(headers, '__millrace.errors.stage') ?? stage, event_id: eventIdOf(await decoder.decode(value)), reason: reasonOf(headers) };
    }
  }
}
