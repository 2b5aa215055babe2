/** A TCP proxy in front of a real system, to make it refuse connections, fall silent, or lose its replies. */
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

/** `through`: as if it were not there; `silent`: requests are swallowed; `deaf`: requests arrive, replies are lost and the connection then breaks. */
export type ProxyMode = 'through' | 'silent' | 'deaf';

export class Proxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #mode: ProxyMode = 'through';
  port = 0;

  constructor(host: string, port: number) {
    this.#target = { host, port };
  }

  /** Listens on the same port again after `down`. */
  async up(): Promise<void> {
    this.#mode = 'through';
    if (this.#server !== null) return;
    this.#server = createServer((client) => this.#accept(client));
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection and refuses new ones. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  mode(mode: ProxyMode): void {
    this.#mode = mode;
  }

  #accept(client: Socket): void {
    const upstream = connect(this.#target.port, this.#target.host);
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (data) => {
      if (this.#mode !== 'silent') upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (this.#mode === 'through') client.write(data);
      else client.destroy();
    });
  }
}
