import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { HttpPort } from '../core/config.ts';
import { ConfigurationError, messageOf } from '../core/errors.ts';

/** The first port that `auto` tries, and how many it tries before it takes any. */
const FIRST_PORT = 9_464;
const PORTS_TRIED = 100;

/** A client that does not keep to these loses its connection: it holds neither memory nor the process. */
const MOST_CONNECTIONS = 32;
const MOST_HEADER_BYTES = 8_192;
const MOST_HEADERS = 64;
const REQUEST_TIMEOUT_MS = 5_000;
const RESPONSE_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const CHECK_INTERVAL_MS = 1_000;
/** How long answers under way may take when the server closes. */
const CLOSE_TIMEOUT_MS = 500;

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface HttpOptions {
  readonly host: string;
  readonly port: Exclude<HttpPort, 'off'>;
  readonly clock: Clock;
  /** Paths and what they answer; one answer is made at a time, and shared by all who ask meanwhile. */
  readonly routes: ReadonlyMap<string, () => Promise<Answer>>;
  /** Shortens the time that an answer may take; for tests. */
  readonly responseTimeoutMs?: number;
}

export interface HttpServer {
  readonly url: string;
  /** Ends answers under way within half a second, and every connection. */
  close(): Promise<void>;
}

interface EncodedAnswer {
  readonly status: number;
  readonly type: string;
  readonly bytes: Buffer;
}

const encoded = ({ status, type, body }: Answer): EncodedAnswer => ({ status, type, bytes: Buffer.from(body) });

type Routes = ReadonlyMap<string, () => Promise<EncodedAnswer>>;

/** Callers that come while an answer is made get the same one: its bytes are there once, however many wait to send them. */
const shared = (make: () => Promise<Answer>): (() => Promise<EncodedAnswer>) => {
  let making: Promise<EncodedAnswer> | null = null;
  return () => {
    making ??= make().then(encoded).finally(() => {
      making = null;
    });
    return making;
  };
};

const plain = (status: number, body: string): EncodedAnswer => encoded({ status, type: 'text/plain; charset=utf-8', body: `${body}\n` });

const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const answerTo = async (request: IncomingMessage, routes: Routes): Promise<EncodedAnswer> => {
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'GET and HEAD only');
  if (hasBody(request)) return plain(413, 'a request has no body here');
  const path = (request.url ?? '').split('?', 1)[0]!;
  try {
    return (await routes.get(path)?.()) ?? plain(404, `there is ${[...routes.keys()].join(', ')}`);
  } catch {
    return plain(500, 'the answer could not be made');
  }
};

const write = (response: ServerResponse, { status, type, bytes }: EncodedAnswer): void => {
  if (status === 405) response.setHeader('allow', 'GET, HEAD');
  // Whatever follows such a request is not read.
  if (status === 405 || status === 413) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length, 'cache-control': 'no-store' });
  response.end(response.req.method === 'HEAD' ? undefined : bytes);
};

const newServer = ({ clock, routes, responseTimeoutMs = RESPONSE_TIMEOUT_MS }: HttpOptions): Server => {
  const single: Routes = new Map([...routes].map(([path, make]) => [path, shared(make)]));
  const limits = {
    maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS,
  };
  const server = createServer(limits, (request, response) => {
    // Also for one who reads a byte now and then, which would keep an idle timeout away for ever.
    const late = clock.after(responseTimeoutMs, () => request.socket.destroy(), 'unreferenced');
    response.once('close', () => late.cancel());
    void answerTo(request, single).then((answer) => {
      write(response, answer);
      if (answer.status === 405 || answer.status === 413) response.once('finish', () => request.socket.destroySoon());
    });
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.maxHeadersCount = MOST_HEADERS;
  return server;
};

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

const refusal = (error: unknown, host: string, port: number): ConfigurationError => {
  const hint = 'Choose another one with MILLRACE_HTTP_PORT, or auto for the first free one, or off';
  if (codeOf(error) === 'EADDRINUSE') return new ConfigurationError([`MILLRACE_HTTP_PORT: port ${port} of ${host} is in use`], { hint, cause: error });
  if (codeOf(error) === 'EACCES') return new ConfigurationError([`MILLRACE_HTTP_PORT: this user may not listen on port ${port} of ${host}`], { hint, cause: error });
  return new ConfigurationError([`MILLRACE_HTTP_HOST: nothing can listen on ${host}: ${messageOf(error)}`], { cause: error });
};

/** Binds the port asked for, or the first that is free. */
const bind = async (server: Server, host: string, port: number | 'auto'): Promise<void> => {
  const tries = port === 'auto' ? [...Array.from({ length: PORTS_TRIED }, (_, i) => FIRST_PORT + i), 0] : [port];
  for (const [i, candidate] of tries.entries()) {
    try {
      return await listen(server, host, candidate);
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE' || i === tries.length - 1) throw refusal(error, host, candidate);
    }
  }
};

const close = (server: Server, clock: Clock): Promise<void> => {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const late = clock.after(CLOSE_TIMEOUT_MS, () => server.closeAllConnections());
  return closed.finally(() => late.cancel());
};

/** A server for probes and scrapers, bounded in every direction. Throws `ConfigurationError` when it cannot listen. */
export const openHttp = async (options: HttpOptions): Promise<HttpServer> => {
  const { host, clock } = options;
  const server = newServer(options);
  await bind(server, host, options.port);
  const { port } = server.address() as AddressInfo;
  let closing: Promise<void> | null = null;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () => {
      closing ??= close(server, clock);
      return closing;
    },
  };
};
