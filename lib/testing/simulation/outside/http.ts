import type { HttpSink } from '../../../../topology/sinks.ts';
import { DeadLetterError } from '../../../core/errors.ts';
import type { Network } from '../../../kafka/memory/index.ts';
import type { SinkContext, SinkDriver, SinkRecord } from '../../../sinks/contract.ts';
import { untilAborted } from '../../../sinks/outcome.ts';
import { requestOf, type HttpRequest } from '../../../sinks/http/request.ts';
import { answerOf, brokenAnswer } from '../../../sinks/http/response.ts';
import { HttpWriter, type HttpCalls } from '../../../sinks/http/writer.ts';

interface Accepted {
  readonly body: string;
  /** Its place among all that were accepted. */
  readonly at: number;
}

/** An answer that is no success although all is well with the request. */
export interface Trouble {
  readonly status: 429 | 500 | 503;
  readonly retryAfterMs: number | undefined;
  /** Whether the request took effect all the same. */
  readonly effect: 'applied' | 'none';
}

/** Of so many keys the server refuses one for good. */
const REFUSED_OF = 40;

const refuses = (key: string): boolean => {
  let sum = 0;
  for (let i = 0; i < key.length; i += 1) sum = (sum * 31 + key.charCodeAt(i)) >>> 0;
  return sum % REFUSED_OF === 0;
};

/** A server that honours `Idempotency-Key`: the first request of a key has an effect, later ones get the same answer. */
export class SimulatedServer {
  readonly #accepted = new Map<string, Accepted>();
  readonly #trouble: () => Trouble | null;

  constructor(trouble: () => Trouble | null) {
    this.#trouble = trouble;
  }

  receive({ idempotencyKey, body }: HttpRequest): { readonly status: number; readonly retryAfterMs: number | undefined } {
    const trouble = this.#trouble();
    if (trouble !== null && trouble.effect === 'none') return trouble;
    if (refuses(idempotencyKey)) return { status: 422, retryAfterMs: undefined };
    if (!this.#accepted.has(idempotencyKey)) this.#accepted.set(idempotencyKey, { body, at: this.#accepted.size });
    return trouble ?? { status: 200, retryAfterMs: undefined };
  }

  get accepted(): ReadonlyMap<string, Accepted> {
    return this.#accepted;
  }
}

/** The request of a record. Throws what the sink's callbacks throw, and for what the server refuses. */
export const httpRequest = (sink: HttpSink, record: SinkRecord): HttpRequest => {
  const request = requestOf(sink, record, 0);
  if (refuses(request.idempotencyKey)) throw new DeadLetterError('The server refuses this record');
  return request;
};

/** A driver over a simulated server and network: all but the connection is the real one. */
export const httpDriver = (sink: HttpSink, context: SinkContext, server: SimulatedServer, network: Network): SinkDriver => {
  const calls: HttpCalls = {
    send: async (request, timeoutMs, signal) => {
      try {
        const { status, retryAfterMs } = await untilAborted(network.call('sink http', () => server.receive(request), Math.min(timeoutMs, sink.timeoutMs)), signal);
        return answerOf(status, retryAfterMs, '');
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        return brokenAnswer(thrown);
      }
    },
    close: () => Promise.resolve(),
  };
  return {
    open: () => network.call('sink http', () => undefined),
    writer: (task) => Promise.resolve(new HttpWriter(sink, context, calls, task)),
    health: () => network.call('sink http', () => undefined),
    close: () => Promise.resolve(),
  };
};
