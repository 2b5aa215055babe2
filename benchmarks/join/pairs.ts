/**
 * Rows of a table and events that name them, into PostgreSQL: half of them in one transaction, half of them with the rows committed
 * just before. Half of the rows are new, the others a new version of a row that is there.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** How a row and its events are committed. */
export const kinds = ['together', 'before'] as const;
export type Kind = (typeof kinds)[number];

const ROWS_A_TRANSACTION = 5;
const EVENTS_A_ROW = 2;
export const PAIRS_A_TRANSACTION = ROWS_A_TRANSACTION * EVENTS_A_ROW;
/** Rows that get new versions: each writer's last ones. */
const KEPT_ROWS = 1_000;

/** What a row's title says: its version. */
export const titleOf = (version: number): string => `v${version}`;
/** What an event's device says: how it was committed, and with which version of its row. */
export const deviceOf = (kind: Kind, version: number): string => `${kind}:${version}`;

export interface PairsOptions {
  readonly connectionString: string;
  /** Tables with the columns of `content` and `engagement_events`. */
  readonly tables: { readonly content: string; readonly events: string };
  /** Events in all, rounded up to whole transactions. */
  readonly pairs: number;
  /** Events a second in all. */
  readonly rate: number;
  /** Connections that write side by side, each its own rows. */
  readonly writers: number;
}

export interface PairLoad {
  /** Ids of the events that are committed so far. */
  readonly ids: ReadonlySet<number>;
  /** Everything is written, or it failed. */
  readonly done: Promise<void>;
}

interface Row {
  readonly id: string;
  readonly version: number;
}

class Writer {
  readonly #client: pg.Client;
  readonly #upsert: string;
  readonly #insert: string;
  #rows: Row[] = [];
  #turn = 0;

  constructor(client: pg.Client, { content, events }: PairsOptions['tables']) {
    this.#client = client;
    this.#upsert = `INSERT INTO ${content} (id, slug, title, content_type, length_seconds, publish_ts)
      SELECT id, id::text, title, 'video', 60, now() FROM unnest($1::uuid[], $2::text[]) AS r (id, title) ON CONFLICT (id) DO UPDATE SET title = excluded.title`;
    this.#insert = `INSERT INTO ${events} (content_id, user_id, event_type, event_ts, device)
      SELECT content, content, 'click', now(), device FROM unnest($1::uuid[], $2::text[]) AS r (content, device) RETURNING id`;
  }

  /** New rows and the oldest of the known ones in a new version. */
  #next(): readonly Row[] {
    const again = this.#rows.splice(0, Math.min(this.#rows.length, Math.floor(ROWS_A_TRANSACTION / 2))).map(({ id, version }) => ({ id, version: version + 1 }));
    const rows = [...again, ...Array.from({ length: ROWS_A_TRANSACTION - again.length }, () => ({ id: randomUUID(), version: 1 }))];
    this.#rows = [...this.#rows, ...rows].slice(-KEPT_ROWS);
    return rows;
  }

  async #rowsOf(rows: readonly Row[]): Promise<void> {
    await this.#client.query(this.#upsert, [rows.map(({ id }) => id), rows.map(({ version }) => titleOf(version))]);
  }

  async #eventsOf(rows: readonly Row[], kind: Kind): Promise<readonly number[]> {
    const events = rows.flatMap((row) => Array.from({ length: EVENTS_A_ROW }, () => row));
    const { rows: made } = await this.#client.query<{ readonly id: string }>(this.#insert, [events.map(({ id }) => id), events.map(({ version }) => deviceOf(kind, version))]);
    return made.map(({ id }) => Number(id));
  }

  /** @returns the ids of the committed events */
  async write(): Promise<readonly number[]> {
    const kind = kinds[this.#turn % kinds.length]!;
    this.#turn += 1;
    const rows = this.#next();
    if (kind === 'before') {
      await this.#rowsOf(rows);
      return this.#eventsOf(rows, kind);
    }
    await this.#client.query('BEGIN');
    await this.#rowsOf(rows);
    const ids = await this.#eventsOf(rows, kind);
    await this.#client.query('COMMIT');
    return ids;
  }
}

/** Writes at a steady rate until all pairs are there. A transaction that is late is made up for at once. */
export const writePairs = ({ connectionString, tables, pairs, rate, writers }: PairsOptions): PairLoad => {
  const ids = new Set<number>();
  const transactions = Math.ceil(pairs / PAIRS_A_TRANSACTION);
  const begunMs = performance.now();
  let taken = 0;
  const work = async (): Promise<void> => {
    const client = new pg.Client({ connectionString });
    // What goes wrong with the connection shows where it is used.
    client.on('error', () => undefined);
    await client.connect();
    try {
      const writer = new Writer(client, tables);
      while (taken < transactions) {
        const dueMs = begunMs + (taken * PAIRS_A_TRANSACTION * 1_000) / rate;
        taken += 1;
        const early = dueMs - performance.now();
        if (early > 0) await sleep(early);
        for (const id of await writer.write()) ids.add(id);
      }
    } finally {
      await client.end();
    }
  };
  const done = Promise.all(Array.from({ length: writers }, work)).then(() => undefined);
  // Whoever waits for it hears of a failure.
  done.catch(() => undefined);
  return { ids, done };
};
