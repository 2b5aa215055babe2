import type { SinkContext, SinkDriver, SinkTask, SinkWriter } from '../contract.ts';
import type { HttpSink } from '../../../topology/sinks.ts';
import { HttpClient, type Target } from './client.ts';
import { HttpWriter } from './writer.ts';

const PROBE_TIMEOUT_MS = 5_000;

/** A request per record. Each task has connections of its own. */
export class HttpDriver implements SinkDriver {
  readonly #sink: HttpSink;
  readonly #context: SinkContext;
  readonly #target: Target;

  constructor(sink: HttpSink, context: SinkContext, url: string, token: string | null) {
    this.#sink = sink;
    this.#context = context;
    this.#target = { sink, url: new URL(url), token, clock: context.clock };
  }

  /** Asks with HEAD, without the token, whether the server answers. */
  async open(): Promise<void> {
    await this.health();
  }

  async writer(task: SinkTask): Promise<SinkWriter> {
    return Promise.resolve(new HttpWriter(this.#sink, this.#context, new HttpClient(this.#target), task));
  }

  async health(): Promise<void> {
    const client = new HttpClient(this.#target);
    await client.probe(Math.min(PROBE_TIMEOUT_MS, this.#context.timeoutMs)).finally(() => client.close());
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }
}
