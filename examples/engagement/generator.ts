/** Writes believable load to PostgreSQL: at a steady rate, or a number of events as fast as it can. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { Load, type EngagementEvent, type Made } from './generator/load.ts';
import { readContents, writeContents, writeEvents } from './generator/writer.ts';

export interface GeneratorOptions {
  readonly client: Client;
  readonly seed: number;
  /** Ids of events whose transaction has just been committed. */
  readonly onCommitted: (ids: readonly number[], committedAtMs: number) => void;
  readonly signal: AbortSignal;
}

export interface SteadyOptions extends GeneratorOptions {
  /** Events per second. */
  readonly rate: number;
}

export interface BoundedOptions extends GeneratorOptions {
  readonly events: number;
  /** Resolves when every sink has everything written so far: contents change only then. */
  readonly barrier: () => Promise<void>;
}

const TICK_MS = 50;
/** A writer that falls behind catches up at most so much. */
const MAX_BEHIND_MS = 1_000;
const EDIT_EVERY = 400;
const ADD_EVERY = 3_000;
const BATCH_EVENTS = 500;
const BARRIERS = 3;
const EDITS_AT_BARRIER = 8;
const SPREAD_MS = 36 * 3_600_000;

/** A run that finds data of an earlier one goes on with other random numbers; the same data and seed give the same load. */
const startLoad = async ({ client, seed }: GeneratorOptions): Promise<Load> => {
  const { rows } = await client.query<{ readonly last: string }>('SELECT coalesce(max(id), 0) AS last FROM engagement_events');
  const load = new Load(seed * 1_000_003 + Number(rows[0]!.last), await readContents(client));
  const first = load.firstContents(Date.now());
  if (first.length > 0) await writeContents(client, first);
  return load;
};

const commit = async (options: GeneratorOptions, events: readonly EngagementEvent[]): Promise<void> => {
  const ids = await writeEvents(options.client, events);
  options.onCommitted(ids, Date.now());
};

/** Writes at a steady rate until the signal aborts; contents are edited and added meanwhile. */
export const generateSteadily = async (options: SteadyOptions): Promise<Made> => {
  const load = await startLoad(options);
  let dueAtMs = performance.now();
  while (!options.signal.aborted) {
    const nowMs = performance.now();
    dueAtMs = Math.max(dueAtMs, nowMs - MAX_BEHIND_MS);
    const count = Math.floor(((nowMs - dueAtMs) * options.rate) / 1_000);
    if (count > 0) {
      dueAtMs += (count * 1_000) / options.rate;
      const before = load.made.events;
      await commit(options, Array.from({ length: count }, () => load.event(Date.now(), Date.now())));
      if (Math.floor(before / EDIT_EVERY) !== Math.floor(load.made.events / EDIT_EVERY)) await writeContents(options.client, [load.editContent(Date.now())]);
      if (Math.floor(before / ADD_EVERY) !== Math.floor(load.made.events / ADD_EVERY)) await writeContents(options.client, [load.addContent(Date.now())]);
    }
    await sleep(TICK_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
  return load.made;
};

/** Writes so many events as fast as it can, in parts; between two parts it waits for the barrier and then edits and adds contents. */
export const generateBounded = async (options: BoundedOptions): Promise<Made> => {
  const load = await startLoad(options);
  const parts = BARRIERS + 1;
  for (let part = 0; part < parts; part += 1) {
    const until = Math.ceil((options.events * (part + 1)) / parts);
    while (load.made.events < until) {
      options.signal.throwIfAborted();
      const nowMs = Date.now();
      const startMs = nowMs - SPREAD_MS;
      const count = Math.min(BATCH_EVENTS, until - load.made.events);
      await commit(options, Array.from({ length: count }, () => load.event(startMs + Math.floor((SPREAD_MS * load.made.events) / options.events), nowMs)));
    }
    await options.barrier();
    if (part === parts - 1) break;
    for (let edit = 0; edit < EDITS_AT_BARRIER; edit += 1) await writeContents(options.client, [load.editContent(Date.now())]);
    await writeContents(options.client, [load.addContent(Date.now())]);
  }
  return load.made;
};
