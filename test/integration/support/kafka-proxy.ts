import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../../lib/core/clock.ts';
import { BROKERS } from './kafka-broker.ts';
import { correlationOfAnswer, correlationOfRequest, Frames, requestOf, type KafkaRequest } from './kafka-frames.ts';

/** Sees every request and every answer, and says what becomes of it. Without it everything passes. */
export interface FrameWatch {
  /** `hold`: it never arrives, nor does anything behind it on its connection. */
  request(request: KafkaRequest): 'pass' | 'hold';
  /** `lose`: the client does not get it, nor anything behind it on the connection; `cut`: the connection breaks instead. */
  answer(request: KafkaRequest, frame: Buffer): 'pass' | 'lose' | 'cut';
}

export interface KafkaProxyOptions {
  /** host:port. Default: the broker of the stack that the tests run on. */
  readonly broker?: string;
  readonly watch?: FrameWatch;
}

const BLIND: FrameWatch = { request: () => 'pass', answer: () => 'pass' };

export interface KafkaProxy {
  readonly address: string;
  /** Ends every connection. */
  cut(): void;
  /** From now on, and on the connections that are open now, answers do not come back; requests still arrive. */
  swallow(): void;
  /** From now on requests do not arrive... */
  hold(): void;
  /** ...and now those that were held do. What their clients closed meanwhile is read by the broker all the same. */
  release(): void;
  /** Cuts everything and accepts nothing for a while. */
  refuse(forMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Stands between client and broker, and gives itself out as the broker in what the broker says of its own address. */
export const startKafkaProxy = async ({ broker: target = BROKERS[0]!, watch = BLIND }: KafkaProxyOptions = {}): Promise<KafkaProxy> => {
  const [host, port] = target.split(':') as [string, string];
  const pairs = new Set<readonly [Socket, Socket]>();
  /** Also those whose client has gone while what it sent was held. */
  const sockets = new Set<Socket>();
  const swallowed = new Set<readonly [Socket, Socket]>();
  let held: (() => void)[] | null = null;
  let refusing = false;
  const addressBytes = (number: number): Buffer => {
    const bytes = Buffer.alloc(2 + host.length + 4);
    bytes.writeInt16BE(host.length, 0);
    bytes.write(host, 2);
    bytes.writeInt32BE(number, 2 + host.length);
    return bytes;
  };
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const broker = connect(Number(port), host);
    const pair = [client, broker] as const;
    pairs.add(pair);
    for (const socket of pair) sockets.add(socket);
    const [real, mine] = [addressBytes(Number(port)), addressBytes((server.address() as AddressInfo).port)];
    const asked = new Map<number, KafkaRequest>();
    const [requests, answers] = [new Frames(), new Frames()];
    let stalled = false;
    client.on('data', (bytes) => {
      for (const frame of requests.push(bytes)) {
        const request = requestOf(frame);
        asked.set(correlationOfRequest(frame), request);
        stalled ||= watch.request(request) === 'hold';
        if (stalled) return;
        if (held === null) broker.write(frame);
        else held.push(() => broker.write(frame));
      }
    });
    broker.on('data', (bytes) => {
      for (const frame of answers.push(bytes)) {
        for (let at = frame.indexOf(real); at >= 0; at = frame.indexOf(real, at + 1)) mine.copy(frame, at);
        const request = asked.get(correlationOfAnswer(frame));
        asked.delete(correlationOfAnswer(frame));
        const verdict = request === undefined || swallowed.has(pair) ? 'pass' : watch.answer(request, frame);
        if (verdict === 'cut') for (const socket of pair) socket.destroy();
        if (verdict === 'lose') swallowed.add(pair);
        if (!swallowed.has(pair) && !client.destroyed) client.write(frame);
      }
    });
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        pairs.delete(pair);
        sockets.delete(socket);
        // What is held is yet to be written.
        if (held === null || socket === broker) for (const other of pair) other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const [client] of pairs) client.end();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    swallow: () => {
      for (const pair of pairs) swallowed.add(pair);
    },
    hold: () => {
      held ??= [];
    },
    release: () => {
      for (const write of held ?? []) write();
      held = null;
    },
    refuse: async (forMs) => {
      refusing = true;
      cut();
      await systemClock.sleep(forMs);
      refusing = false;
    },
    close: async () => {
      cut();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
