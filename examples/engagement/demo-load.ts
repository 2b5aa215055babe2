/** The load of a demonstration: writes events with the generator and hands each commit on. Both examples capture these tables. */
import type pg from 'pg';
import type { DemoRun } from '../../lib/cli/start/demo.ts';
import { generateBounded, generateSteadily, type GeneratorOptions } from './generator.ts';

export class DemoLoad {
  readonly #client: pg.Client;
  readonly #onCommitted: GeneratorOptions['onCommitted'];
  /** Contents of this run's events changed at barriers only from this event on; none while the load is steady. */
  firstEvent = Number.MAX_SAFE_INTEGER;
  written = 0;

  /** `client`: nobody else writes with it. */
  constructor(client: pg.Client, onCommitted: GeneratorOptions['onCommitted']) {
    this.#client = client;
    this.#onCommitted = onCommitted;
  }

  #generator(options: { readonly seed: number; readonly signal: AbortSignal }): GeneratorOptions {
    return {
      client: this.#client,
      seed: options.seed,
      signal: options.signal,
      onCommitted: (ids, committedAtMs) => {
        this.written += ids.length;
        this.#onCommitted(ids, committedAtMs);
      },
    };
  }

  async steady(options: Parameters<DemoRun['steady']>[0]): Promise<void> {
    await generateSteadily({ ...this.#generator(options), rate: options.rate });
  }

  async bounded(options: Parameters<DemoRun['bounded']>[0]): Promise<void> {
    const { rows } = await this.#client.query<{ readonly next: string }>('SELECT coalesce(max(id), 0) + 1 AS next FROM engagement_events');
    this.firstEvent = Number(rows[0]!.next);
    await generateBounded({ ...this.#generator(options), events: options.events, barrier: options.barrier });
  }
}
