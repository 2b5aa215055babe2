import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, body: string) => { readonly status: number; readonly body: unknown } | 'hang' | 'cut';

const closers: (() => Promise<unknown>)[] = [];
/** For `afterEach`. */
export const closeRegistries = async (): Promise<void> => {
  for (const close of closers.splice(0)) await close();
};

/** A registry that answers as it is told, and keeps what it was asked. */
export const registry = async (answer: Answer): Promise<{ readonly url: string; readonly asked: string[]; readonly headers: IncomingMessage['headers'][] }> => {
  const asked: string[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    const reply = answer(request, body);
    if (reply === 'hang') return;
    if (reply === 'cut') return void request.socket.destroy();
    response.writeHead(reply.status, { 'content-type': typeof reply.body === 'string' ? 'text/html' : 'application/json' });
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
  };
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/apis/ccompat/v7`, asked, headers };
};

export const unknown = { status: 404, body: { error_code: 40403, message: 'Schema not found' } };
