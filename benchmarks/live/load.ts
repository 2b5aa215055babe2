/** Load at a steady rate, by the example's own generator, in this process. */
import pg from 'pg';
import { generateSteadily } from '../../examples/engagement/generator.ts';
import type { StackEnvironment } from '../stack.ts';

const SEED = 7;

export interface Load {
  /** Rows committed so far. */
  written(): number;
  stop(): Promise<void>;
}

export const startLoad = async (environment: StackEnvironment, rate: number): Promise<Load> => {
  const client = new pg.Client({ connectionString: environment.MILLRACE_PG_URL! });
  // What goes wrong with the connection shows where it is used.
  client.on('error', () => undefined);
  await client.connect();
  const ending = new AbortController();
  let written = 0;
  let failure: unknown;
  const running = generateSteadily({ client, seed: SEED, rate, signal: ending.signal, onCommitted: (ids) => { written += ids.length; } }).catch((error: unknown) => { failure = error; });
  return {
    written: () => {
      if (failure !== undefined) throw new Error('the generator failed', { cause: failure });
      return written;
    },
    stop: async () => {
      ending.abort(new Error('the load ends'));
      await running;
      await client.end();
    },
  };
};
