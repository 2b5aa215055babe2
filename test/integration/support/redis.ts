/** A private redis-server on a free port, for tests that kill it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

export class RedisServer {
  readonly #options: readonly string[];
  #directory = '';
  #process: ChildProcess | null = null;
  port = 0;

  /** `options` as on redis-server's command line. */
  constructor(...options: string[]) {
    this.#options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Where it keeps what it writes to disk; known once it has been started. */
  get directory(): string {
    return this.#directory;
  }

  /** Null while it runs. */
  get endedBy(): NodeJS.Signals | null {
    return this.#process?.signalCode ?? null;
  }

  async start(): Promise<void> {
    if (this.port === 0) {
      this.port = await freePort();
      this.#directory = await mkdtemp(join(tmpdir(), 'millrace-redis-'));
    }
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--dir', this.#directory, ...this.#options];
    this.#process = spawn('redis-server', args, { stdio: 'ignore' });
    const probe = new Redis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    probe.on('error', () => undefined);
    await probe.ping().catch((error: Error) => {
      if (!error.message.startsWith('NOAUTH')) throw error;
    });
    probe.disconnect();
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    this.#process!.kill(signal);
    if (signal === 'SIGKILL') await once(this.#process!, 'exit');
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    if (this.#directory !== '') await rm(this.#directory, { recursive: true, force: true });
  }
}
