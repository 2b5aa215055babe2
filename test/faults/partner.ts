/** A partner's HTTP API that honours Idempotency-Key: a repeated request has no second effect. It can be slow, and it can be away. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Accepted {
  readonly id: number;
  readonly body: string;
}

export class Partner {
  /** How long each request takes. */
  delayMs = 0;
  /** By idempotency key, as the first request with it said. */
  readonly accepted = new Map<string, Accepted>();
  /** Requests whose key had been accepted before. */
  repeated = 0;
  /** Repeated requests that said something else than the first one. */
  readonly conflicts: string[] = [];
  /** performance.now() of the last request that was accepted. */
  lastMs = 0;
  #server: Server | null = null;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}/sales`;
  }

  /** On the same port again after `down`. */
  async up(): Promise<void> {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection and refuses new ones. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  /** How many events with an id below this one it has accepted. */
  below(id: number): number {
    let count = 0;
    for (const accepted of this.accepted.values()) if (accepted.id < id) count += 1;
    return count;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'HEAD') return void response.end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const accept = (): void => {
        // The server went down meanwhile: the client has no answer, and nothing was done.
        if (response.destroyed) return;
        this.#accept(String(request.headers['idempotency-key']).replaceAll('"', ''), Buffer.concat(chunks).toString());
        response.end();
      };
      if (this.delayMs === 0) accept();
      else setTimeout(accept, this.delayMs);
    });
    return undefined;
  }

  #accept(key: string, body: string): void {
    const known = this.accepted.get(key);
    this.lastMs = performance.now();
    if (known === undefined) {
      this.accepted.set(key, { id: (JSON.parse(body) as { readonly id: number }).id, body });
      return;
    }
    this.repeated += 1;
    if (known.body !== body) this.conflicts.push(`${key}: ${known.body}, then ${body}`);
  }
}
