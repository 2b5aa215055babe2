/**
 * A client that can be ended. Its own `shutdown` is not enough (cassandra-driver 4.10.0): a pool without a connection at that moment, as after an
 * outage, takes itself for open and keeps reconnecting; and of a `connect` that failed everything goes on, out of its reach.
 */
import cassandra, { type Client, type ClientOptions } from 'cassandra-driver';
import type { Clock } from '../../core/clock.ts';
import { within } from '../outcome.ts';

/** What is reached into; the version is pinned, and a test holds that nothing stays behind. */
interface Inside {
  readonly controlConnection: {
    readonly hosts: { on(event: 'add', listener: (host: Host) => void): void };
    readonly connection?: { close(): void } | null;
    shutdown(): void;
  };
}

interface Host {
  shutdown(waitForPending: boolean): Promise<void>;
  readonly pool: { isClosing: () => boolean; clearNewConnectionAttempt(): void };
}

const END_TIMEOUT_MS = 2_000;

export class Session {
  readonly client: Client;
  readonly #clock: Clock;
  readonly #hosts = new Set<Host>();

  constructor(options: ClientOptions, clock: Clock) {
    this.#clock = clock;
    this.client = new cassandra.Client(options);
    this.#control.hosts.on('add', (host) => this.#hosts.add(host));
  }

  get #control(): Inside['controlConnection'] {
    return (this.client as unknown as Inside).controlConnection;
  }

  async end(): Promise<void> {
    this.#control.shutdown();
    await within(this.client.shutdown(), END_TIMEOUT_MS, this.#clock, 'a shutdown').catch(() => undefined);
    this.#control.connection?.close();
    for (const host of this.#hosts) {
      const ended = host.shutdown(false);
      host.pool.isClosing = () => true;
      host.pool.clearNewConnectionAttempt();
      await within(ended, END_TIMEOUT_MS, this.#clock, 'a shutdown').catch(() => undefined);
    }
  }
}
