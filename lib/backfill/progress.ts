import type { KafkaAdmin, Position, TopicPartition } from '../kafka/port.ts';
import type { Plan, StagePlan } from '../plan/types.ts';
import { placeKey } from './reader.ts';
import type { Range } from './range.ts';

/** How far a backfill is. Counted in offsets: gaps that compaction and transactions leave count as records. */
export interface BackfillProgress {
  /** Of the range, over all stages that read it. */
  readonly records: number;
  readonly totalRecords: number;
  /** Between the backfill's stages, not yet processed to the end. */
  readonly waitingRecords: number;
  readonly recordsPerSecond: number;
  /** Of the range at this rate; null: not known. */
  readonly leftMs: number | null;
  readonly deadLetters: number;
}

interface Standing {
  readonly records: number;
  readonly totalRecords: number;
  readonly waitingRecords: number;
  readonly complete: boolean;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

/**
 * How far the groups have come. A stage that reads topics of the backfill itself can be complete only when those that write them are: then
 * their ends, asked for now, are the last.
 */
export const standingOf = async (plan: Plan, range: Range, partitions: ReadonlyMap<string, number>, admin: KafkaAdmin): Promise<Standing> => {
  const starts = new Map(range.starts.map((start) => [placeKey(start), start.offset]));
  const complete = new Set<StagePlan>();
  const standing = { records: 0, totalRecords: 0, waitingRecords: 0 };
  for (let rest = [...plan.stages]; rest.length > 0;) {
    const writers = rest;
    const next = rest.filter((stage) => !stage.entries.some(({ topic }) => writers.some((writer) => writer !== stage && writer.outputs.some((output) => output.topic === topic))));
    // A stage that feeds itself, through another or not, has no first one.
    const turn = next.length === 0 ? rest : next;
    for (const stage of turn) {
      const topics = stage.entries.map(({ topic }) => topic);
      const bounded = range.ends.filter(({ topic }) => topics.includes(topic));
      const own = topics.filter((topic) => !bounded.some((end) => end.topic === topic)).flatMap((topic) => placesOf(topic, partitions.get(topic) ?? 0));
      const ends = await admin.endOffsets(own, 'read_uncommitted');
      const committed = new Map((await admin.committed(stage.group, [...bounded, ...own])).map((position) => [placeKey(position), position.offset]));
      const at = (end: Position, from: number): number => Math.min(Math.max(committed.get(placeKey(end)) ?? from, from), end.offset);
      const total = sum(bounded.map((end) => end.offset - starts.get(placeKey(end))!));
      const records = sum(bounded.map((end) => at(end, starts.get(placeKey(end))!) - starts.get(placeKey(end))!));
      const waiting = sum(ends.map((end) => end.offset - at(end, 0)));
      standing.totalRecords += total;
      standing.records += records;
      standing.waitingRecords += waiting;
      if (records === total && waiting === 0) complete.add(stage);
    }
    rest = rest.filter((stage) => !turn.includes(stage));
  }
  return { ...standing, complete: complete.size === plan.stages.length };
};

const placesOf = (topic: string, count: number): TopicPartition[] => Array.from({ length: count }, (_, partition) => ({ topic, partition }));

/** The rate is that of the last so many measurements. */
const MEASUREMENTS = 6;

/** Turns standings into a rate and the time that is left. */
export class Pace {
  readonly #seen: { readonly atMs: number; readonly records: number }[] = [];

  progress({ records, totalRecords, waitingRecords }: Standing, atMs: number, deadLetters: number): BackfillProgress {
    this.#seen.push({ atMs, records });
    if (this.#seen.length > MEASUREMENTS) this.#seen.shift();
    const first = this.#seen[0]!;
    const recordsPerSecond = atMs > first.atMs ? (records - first.records) * 1_000 / (atMs - first.atMs) : 0;
    const leftMs = records === totalRecords ? 0 : recordsPerSecond > 0 ? (totalRecords - records) * 1_000 / recordsPerSecond : null;
    return { records, totalRecords, waitingRecords, recordsPerSecond: Math.round(recordsPerSecond), leftMs: leftMs === null ? null : Math.round(leftMs), deadLetters };
  }
}
