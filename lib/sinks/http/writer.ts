import { backoffMs } from '../../core/clock.ts';
import type { RetryError } from '../../core/errors.ts';
import type { HttpSink } from '../../../topology/sinks.ts';
import type { Effort, SinkContext, SinkRecord, SinkTask, SinkWriter, WriteResult } from '../contract.ts';
import { Outcome, refusalOf, stopped } from '../outcome.ts';
import type { HttpClient } from './client.ts';
import { requestOf, type HttpRequest } from './request.ts';
import type { Answer } from './response.ts';

const BACKOFF_BASE_MS = 50;
const BACKOFF_MAX_MS = 1_000;

interface Bounds {
  /** Of one request within a write; then the runtime decides when it comes again. */
  readonly attempts: number;
  /** After so many requests in a row that failed on every attempt the rest of the batch is not tried. */
  readonly failuresInARow: number;
}

const BOUNDS: Readonly<Record<Effort, Bounds>> = { full: { attempts: 4, failuresInARow: 5 }, probe: { attempts: 1, failuresInARow: 1 } };

interface Limits {
  readonly signal: AbortSignal;
  /** On the clock's monotonic scale. */
  readonly endsAt: number;
  readonly attempts: number;
}

/** What the lanes of one write share. */
class Progress {
  readonly outcome: Outcome;
  /** Why the rest is not tried. */
  halted: RetryError | null = null;
  readonly #mostFailures: number;
  #failures = 0;

  constructor(outcome: Outcome, { failuresInARow }: Bounds) {
    this.outcome = outcome;
    this.#mostFailures = failuresInARow;
  }

  succeed(): void {
    this.#failures = 0;
  }

  fail(error: RetryError, away: boolean): void {
    this.#failures += 1;
    if (away || this.#failures >= this.#mostFailures) this.halted ??= error;
  }
}

/** Requests grouped by what orders them, in the batch's order; those without order stand alone. */
const inGroups = (requests: readonly HttpRequest[]): HttpRequest[][] => {
  const groups: HttpRequest[][] = [];
  const byOrder = new Map<string, HttpRequest[]>();
  for (const request of requests) {
    const group = request.order === null ? undefined : byOrder.get(request.order);
    if (group !== undefined) {
      group.push(request);
      continue;
    }
    const fresh = [request];
    groups.push(fresh);
    if (request.order !== null) byOrder.set(request.order, fresh);
  }
  return groups;
};

/** What is used of a client. */
export type HttpCalls = Pick<HttpClient, 'send' | 'close'>;

export class HttpWriter implements SinkWriter {
  readonly #sink: HttpSink;
  readonly #context: SinkContext;
  readonly #client: HttpCalls;
  readonly #task: SinkTask;

  constructor(sink: HttpSink, context: SinkContext, client: HttpCalls, task: SinkTask) {
    this.#sink = sink;
    this.#context = context;
    this.#client = client;
    this.#task = task;
  }

  async positions(): Promise<readonly null[]> {
    return Promise.resolve(this.#task.partitions.map(() => null));
  }

  async write(batch: readonly SinkRecord[], signal: AbortSignal, effort: Effort = 'full'): Promise<WriteResult> {
    const outcome = new Outcome();
    const requests: HttpRequest[] = [];
    for (let index = 0; index < batch.length; index += 1) {
      try {
        requests.push(requestOf(this.#sink, batch[index]!, index));
      } catch (thrown) {
        outcome.refuse(index, refusalOf(thrown, 'body, idempotencyKey or orderBy'), 'writer');
      }
    }
    const { clock, timeoutMs } = this.#context;
    const bounds = BOUNDS[effort];
    const limits: Limits = { signal, endsAt: clock.monotonic() + timeoutMs, attempts: bounds.attempts };
    const progress = new Progress(outcome, bounds);
    const groups = inGroups(requests).values();
    const lanes = Array.from({ length: effort === 'probe' ? 1 : this.#sink.concurrency }, async () => {
      for (const group of groups) await this.#writeGroup(group, progress, limits);
    });
    await Promise.all(lanes);
    return outcome.result();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** One request after the other; behind one that has to come again nothing of its group is sent. */
  async #writeGroup(group: readonly HttpRequest[], progress: Progress, limits: Limits): Promise<void> {
    for (let g = 0; g < group.length; g += 1) {
      const request = group[g]!;
      const answer = progress.halted === null ? await this.#deliver(request, limits) : ({ type: 'passing', error: progress.halted, away: true } as const);
      if (answer.type === 'passing') {
        progress.fail(answer.error, answer.away);
        for (const behind of group.slice(g)) progress.outcome.retry(behind.index, answer.error);
        return;
      }
      progress.succeed();
      if (answer.type === 'refused') progress.outcome.refuse(request.index, answer.error, 'system');
    }
  }

  /** Tries a request a few times with full jitter, or as the server's Retry-After asks when that is near. */
  async #deliver(request: HttpRequest, { signal, endsAt, attempts }: Limits): Promise<Answer> {
    const { clock } = this.#context;
    try {
      for (let attempt = 0; ; attempt += 1) {
        if (signal.aborted) throw stopped();
        const answer = await this.#client.send(request, Math.max(1, endsAt - clock.monotonic()), signal);
        if (answer.type !== 'passing' || attempt + 1 === attempts) return answer;
        const waitMs = Math.max(answer.error.retryAfterMs ?? 0, backoffMs(clock, attempt, BACKOFF_BASE_MS, BACKOFF_MAX_MS));
        if (waitMs > BACKOFF_MAX_MS || clock.monotonic() + waitMs >= endsAt) return answer;
        await clock.sleep(waitMs, signal);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      return { type: 'passing', error: stopped(), away: true };
    }
  }
}
