/**
 * The API of a small partner who pays for finished plays: bearer token, Idempotency-Key, and faults to order. Every call is
 * counted once, however often it is sent.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Ledger, readEntries } from './ledger.ts';

export interface Faults {
  /** One key in so many is refused for good, always the same ones; 0: none. */
  refuseEvery: number;
  /** For one key in so many the connection is dropped after the call was accepted, the first time; 0: none. */
  dropEvery: number;
}

export interface PartnerOptions {
  /** 0: any free one. */
  readonly port: number;
  /** Address to listen on; 127.0.0.1 unless given. */
  readonly host?: string;
  readonly folder: string;
  readonly token: string;
  readonly faults: Faults;
}

export interface Partner {
  readonly url: string;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 65_536;
const KEY_PARTS = { refuse: 0, drop: 8 } as const;

/** The part of the key's MD5 that decides on a fault, as a number: SQL computes the same from `md5(key)`. */
const share = (key: string, part: keyof typeof KEY_PARTS): number => {
  const start = KEY_PARTS[part];
  return Number.parseInt(createHash('md5').update(key).digest('hex').slice(start, start + 8), 16);
};

const hit = (key: string, part: keyof typeof KEY_PARTS, every: number): boolean => every > 0 && share(key, part) % every === 0;

class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new HttpError(413, `a body has at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** The header is a structured field, a quoted string; bare text is taken as well. */
const keyOf = (request: IncomingMessage): string => {
  const header = request.headers['idempotency-key'];
  const text = typeof header === 'string' ? header.trim() : '';
  const quoted = /^"((?:[^"\\]|\\["\\])+)"$/.exec(text);
  if (quoted !== null) return quoted[1]!.replaceAll(/\\(["\\])/g, '$1');
  if (text === '' || text.includes('"')) throw new HttpError(400, 'Idempotency-Key is missing or malformed');
  return text;
};

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
};

const answer = (response: ServerResponse, status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(`${JSON.stringify(body)}\n`);
};

class Api {
  readonly #ledger: Ledger;
  readonly #token: Buffer;
  readonly #faults: Faults;
  /** Keys whose first call is being written. */
  readonly #busy = new Set<string>();
  #downUntilMs = 0;
  #calls = 0;

  constructor(ledger: Ledger, options: PartnerOptions) {
    this.#ledger = ledger;
    this.#token = Buffer.from(`Bearer ${options.token}`);
    this.#faults = { ...options.faults };
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    if (route === 'GET /health') return answer(response, 200, { status: 'up' });
    this.#authorise(request);
    switch (route) {
      case 'POST /plays': return this.#play(request, response);
      case 'GET /admin/stats': return answer(response, 200, { calls: this.#calls, ...this.#ledger.totals, faults: this.#faults });
      case 'GET /admin/accepted': return this.#accepted(response);
      case 'POST /admin/faults': return this.#setFaults(request, response);
      default: throw new HttpError(404, `there is no ${route}`);
    }
  }

  #authorise(request: IncomingMessage): void {
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length !== this.#token.length || !timingSafeEqual(given, this.#token)) throw new HttpError(401, 'a bearer token is needed');
  }

  async #play(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    this.#calls += 1;
    if (Date.now() < this.#downUntilMs) return answer(response, 503, { error: 'down for a while' }, { 'retry-after': '1' });
    const key = keyOf(request);
    const digest = createHash('sha256').update(text).digest('hex');
    const before = this.#ledger.accepted(key);
    if (before !== undefined) {
      if (before.digest !== digest) throw new HttpError(422, 'this Idempotency-Key was used with another payload');
      if (this.#busy.has(key)) throw new HttpError(409, 'the first call with this Idempotency-Key is in progress');
      await this.#ledger.write({ type: 'replayed', key });
      return answer(response, 201, { number: before.number }, { 'idempotent-replayed': 'true' });
    }
    const body = parse(text);
    if (hit(key, 'refuse', this.#faults.refuseEvery)) {
      await this.#ledger.write({ type: 'refused', key });
      throw new HttpError(422, 'this play is not taken');
    }
    const dropped = hit(key, 'drop', this.#faults.dropEvery);
    this.#busy.add(key);
    await this.#ledger.write({ type: 'accepted', key, digest, body, dropped }).finally(() => this.#busy.delete(key));
    if (dropped) request.socket.destroy();
    else answer(response, 201, { number: this.#ledger.accepted(key)!.number });
  }

  async #accepted(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for await (const entry of readEntries(this.#ledger.file)) {
      if (entry.type !== 'accepted') continue;
      if (!response.write(`${JSON.stringify({ key: entry.key, body: entry.body })}\n`)) await once(response, 'drain');
    }
    response.end();
  }

  async #setFaults(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wanted = parse(await readBody(request)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(wanted)) {
      if (!Number.isSafeInteger(value) || (value as number) < 0) throw new HttpError(400, `${name} is a whole number from 0`);
      if (name === 'refuseEvery' || name === 'dropEvery') this.#faults[name] = value as number;
      else if (name === 'down') this.#downUntilMs = Date.now() + (value as number);
      else throw new HttpError(400, `there is no fault ${name}; there are refuseEvery, dropEvery, down (ms)`);
    }
    answer(response, 200, this.#faults);
  }
}

const serve = (api: Api): Server =>
  createServer((request, response) => {
    api.handle(request, response).catch((thrown: unknown) => {
      if (response.headersSent) response.destroy();
      else answer(response, thrown instanceof HttpError ? thrown.status : 500, { error: thrown instanceof Error ? thrown.message : String(thrown) });
    });
  });

export const startPartner = async (options: PartnerOptions): Promise<Partner> => {
  const ledger = await Ledger.open(options.folder);
  const server = serve(new Api(ledger, options));
  server.listen(options.port, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await ledger.close();
    },
  };
};
