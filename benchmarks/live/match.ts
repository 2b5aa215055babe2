import type { Reading } from './totals-watch.ts';

export interface Applied {
  readonly content: string;
  readonly event: string;
}

export interface Observed {
  /** Event id -> when it was committed in PostgreSQL, ms since the epoch. */
  readonly commits: ReadonlyMap<string, number>;
  /** Events in the order in which they were added to their content's totals. */
  readonly applied: readonly Applied[];
  /** Events by content before the first of them. */
  readonly base: ReadonlyMap<string, number>;
  /** Content -> what was read of its totals, in order. */
  readonly readings: ReadonlyMap<string, readonly Reading[]>;
  /** Only events committed in this time count. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Matched {
  /** Milliseconds from the commit of an event to the first reading of its content's totals that has it. */
  readonly latencies: readonly number[];
  /** Events that no reading has. */
  readonly missing: number;
}

/** The k-th event of a content is in its totals when these count k events. */
export const match = ({ commits, applied, base, readings, fromMs, toMs }: Observed): Matched => {
  const counts = new Map(base);
  const next = new Map<string, number>();
  const latencies: number[] = [];
  let missing = 0;
  for (const { content, event } of applied) {
    const count = (counts.get(content) ?? 0) + 1;
    counts.set(content, count);
    const all = readings.get(content) ?? [];
    let at = next.get(content) ?? 0;
    while (at < all.length && all[at]!.count < count) at += 1;
    next.set(content, at);
    const committedMs = commits.get(event);
    if (committedMs === undefined || committedMs < fromMs || committedMs >= toMs) continue;
    if (at === all.length) missing += 1;
    else latencies.push(all[at]!.atMs - committedMs);
  }
  return { latencies, missing };
};
