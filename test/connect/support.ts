import { createServer, type Server } from 'node:http';

export type Reply = readonly [status: number, body: unknown];

/** Answers as Kafka Connect does, from a table of replies by method and path; a list is answered one by one, its last for ever. */
export class FakeConnect {
  readonly requests: string[] = [];
  /** What came with each request, by the same index. */
  readonly bodies: string[] = [];
  /** The header Authorization of each, by the same index. */
  readonly logins: (string | undefined)[] = [];
  readonly replies = new Map<string, (Reply | ((body: string) => Reply))[]>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const key = `${request.method} ${request.url}`;
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.once('end', () => {
        this.requests.push(key);
        this.bodies.push(text);
        this.logins.push(request.headers.authorization);
        const replies = this.replies.get(key) ?? [[404, { error_code: 404, message: 'not found' }]];
        const reply = replies.length > 1 ? replies.shift()! : replies[0]!;
        const [status, body] = typeof reply === 'function' ? reply(text) : reply;
        response.writeHead(status, { 'content-type': 'application/json' }).end(body === undefined ? '' : JSON.stringify(body));
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

export const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
