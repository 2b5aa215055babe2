/** The servers that the faults strike: a stack of this run's own, or the one that the tests run on. */
import { join } from 'node:path';
import { clean, up, type Stack } from '../../lib/stack/index.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STACK_DIR = join(ROOT, '.millrace-faults');
/** Away from the usual ports, and from those of tests and benchmarks. */
const PORT_OFFSET = 1_600;

export interface Broker {
  readonly port: () => number;
  readonly pid: () => number | null;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** On the data that it had; resolves when it serves. */
  start(): Promise<void>;
}

export interface Ground {
  /** How workers reach Kafka and BigQuery. */
  readonly environment: Readonly<Record<string, string>>;
  /** Null where others use it too. */
  readonly broker: Broker | null;
  close(): Promise<void>;
}

const brokerOf = (stack: Stack): Broker => ({
  port: () => stack.service('kafka').ports.client!,
  pid: () => stack.service('kafka').pid,
  kill: () => stack.kill('kafka'),
  start: () => stack.start('kafka'),
});

export const closeOwnGround = async (): Promise<void> => void await clean({ dir: STACK_DIR });

/** Kafka and the BigQuery emulator, new and empty. Each fault has a Redis and a partner of its own. */
export const ownGround = async (say: (text: string) => void, signal: AbortSignal): Promise<Ground> => {
  await closeOwnGround();
  const stack = await up({
    dir: STACK_DIR, services: ['kafka', 'bigquery'], portOffset: PORT_OFFSET, signal,
    onProgress: ({ service, phase, message, elapsedMs }) => {
      if (phase === 'ready' || phase === 'failed') say(`  ${service}: ${message.split('\n')[0]} (${(elapsedMs / 1_000).toFixed(1)} s)`);
    },
  });
  return { environment: stack.environment, broker: brokerOf(stack), close: closeOwnGround };
};

/** What the test runner brought up; its broker is shared and stays alone. */
export const sharedGround = (): Ground => {
  const environment = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[0].startsWith('MILLRACE_') && entry[1] !== undefined));
  return { environment, broker: null, close: async () => undefined };
};
