/** The Kafka Streams program of the peers as a process that is killed and started again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { PEERS_BUILD } from '../data/load.ts';
import type { BenchStack } from '../stack.ts';

/** It never ends by itself. */
const ENDLESS = String(Number.MAX_SAFE_INTEGER);
const THREADS = '2';

export interface StreamsOptions {
  readonly group: string;
  readonly topic: string;
}

export class StreamsProcess {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #log: number;
  #child: ChildProcess;
  #stopping = false;
  #failure: string | null = null;

  constructor({ dir, environment }: BenchStack, { group, topic }: StreamsOptions) {
    mkdirSync(join(dir, 'logs'), { recursive: true });
    this.#log = openSync(join(dir, 'logs', 'streams.log'), 'a');
    this.#environment = {
      KAFKA: environment.MILLRACE_KAFKA_BROKERS!, REGISTRY: environment.MILLRACE_REGISTRY_URL!, TOPIC: topic, GROUP: group, N: ENDLESS, STATE_DIR: join(dir, 'data', 'streams'),
    };
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const classPath = [join(PEERS_BUILD, 'java', 'target', 'peers.jar'), join(PEERS_BUILD, 'java', 'lib', '*')].join(':');
    const args = ['-Xmx1g', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath, 'bench.StreamsPeer', 'global', 'eos', THREADS];
    const child = spawn('java', args, { env: { ...process.env, ...this.#environment }, stdio: ['ignore', this.#log, this.#log] });
    child.on('error', (error) => { this.#failure = error.message; });
    child.on('exit', (code) => { if (!this.#stopping && child === this.#child) this.#failure = `it ended by itself with code ${code}`; });
    return child;
  }

  /** Throws when it has ended that nobody asked to. */
  check(): void {
    if (this.#failure !== null) throw new Error(`Kafka Streams: ${this.#failure}; its log is logs/streams.log in the folder of the stack`);
  }

  async #kill(): Promise<void> {
    this.check();
    this.#stopping = true;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    const [, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    if (signal !== 'SIGKILL') throw new Error(`Kafka Streams was not killed: it ended by ${signal ?? 'itself'}`);
    this.#stopping = false;
  }

  /** kill -9 and a new process with the same state folder, at once. */
  async restart(): Promise<void> {
    await this.#kill();
    this.#child = this.#start();
  }

  async close(): Promise<void> {
    if (this.#failure === null) await this.#kill();
    closeSync(this.#log);
  }
}
