import { Pool } from 'undici';
import type { Clock } from '../../core/clock.ts';
import { RetryError } from '../../core/errors.ts';
import type { HttpSink } from '../../../topology/sinks.ts';
import { stopped } from '../outcome.ts';
import type { HttpRequest } from './request.ts';
import { answerOf, brokenAnswer, EXCERPT_BYTES, retryAfterMs, withoutSecrets, type Answer } from './response.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** Of a body that nobody looks at, so much is read to keep the connection. */
const DUMP_BYTES = 65_536;
/** A header this short is no secret, and cutting it would garble texts. */
const MIN_SECRET_LENGTH = 8;

export interface Target {
  readonly sink: HttpSink;
  readonly url: URL;
  readonly token: string | null;
  readonly clock: Clock;
}

type Body = AsyncIterable<Uint8Array> & { dump(options: { readonly limit: number }): Promise<void> };

/** The beginning of a body, with more than is kept when it is longer: a secret at the cut must be seen whole to be cut out. */
const beginningOf = async (body: Body, spareBytes: number): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= EXCERPT_BYTES + spareBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, EXCERPT_BYTES + spareBytes).toString('utf8');
};

/** The connections of one task to the sink's server. */
export class HttpClient {
  readonly #target: Target;
  readonly #pool: Pool;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #secrets: readonly string[];

  constructor(target: Target) {
    const { sink, token, url } = target;
    this.#target = target;
    this.#pool = new Pool(url.origin, {
      connections: sink.concurrency,
      pipelining: 1,
      connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, sink.timeoutMs) },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#headers = { ...sink.headers, 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
    this.#secrets = [...(token === null ? [] : [token]), ...Object.values(sink.headers).filter((value) => value.length >= MIN_SECRET_LENGTH)];
  }

  /** One attempt; rejects with `stopped()` when the signal aborts. */
  async send(request: HttpRequest, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
    const { clock, sink, url } = this.#target;
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(stopped());
    const timer = clock.after(Math.min(timeoutMs, sink.timeoutMs), () => controller.abort(new RetryError('no answer in time')));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const response = await this.#pool.request({
        path: `${url.pathname}${url.search}`,
        method: sink.method,
        headers: { ...this.#headers, 'idempotency-key': request.idempotencyKey },
        body: request.body,
        signal: controller.signal,
      });
      const written = response.statusCode >= 200 && response.statusCode < 300;
      if (written) await response.body.dump({ limit: DUMP_BYTES }).catch(() => undefined);
      const excerpt = written ? '' : await this.#excerpt(response.body as Body);
      const header = response.headers['retry-after'];
      return answerOf(response.statusCode, retryAfterMs(Array.isArray(header) ? header[0] : header, clock.now()), excerpt);
    } catch (thrown) {
      if (signal.aborted) throw stopped();
      return brokenAnswer(thrown);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Asks whether the server is there. Any answer will do: what a write would be told, a HEAD does not say; many servers know none. */
  async probe(timeoutMs: number): Promise<void> {
    const { clock, url } = this.#target;
    const controller = new AbortController();
    const timer = clock.after(timeoutMs, () => controller.abort(new RetryError('no answer in time')));
    try {
      const { body } = await this.#pool.request({ path: url.pathname, method: 'HEAD', signal: controller.signal });
      await body.dump({ limit: DUMP_BYTES });
    } catch (thrown) {
      if (thrown instanceof RetryError) throw thrown;
      const answer = brokenAnswer(thrown);
      throw answer.type === 'passing' ? answer.error : thrown;
    } finally {
      timer.cancel();
    }
  }

  async #excerpt(body: Body): Promise<string> {
    const spareBytes = Math.max(0, ...this.#secrets.map((secret) => secret.length));
    const beginning = await beginningOf(body, spareBytes).catch(() => '');
    const cut = withoutSecrets(beginning, this.#secrets);
    const end = Buffer.byteLength(beginning) >= EXCERPT_BYTES + spareBytes ? cut.length - spareBytes : cut.length;
    return cut.slice(0, Math.min(EXCERPT_BYTES, end));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
