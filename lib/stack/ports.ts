import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';
const CONNECT_TIMEOUT_MS = 300;
const NEIGHBOURS = 100;

const canBind = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : undefined));
    });
  });

/** True when somebody accepts connections; also one who listens on all addresses, beside which some systems let us bind. */
export const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: HOST, timeout: CONNECT_TIMEOUT_MS });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(true));
    socket.once('error', () => end(false));
  });

export const isFree = async (port: number): Promise<boolean> => !(await isListening(port)) && (await canBind(port)) !== undefined;

/** The preferred port, or the next free one after it, or any free one. None of `taken` is given out. */
export const freePort = async (preferred: number, taken: ReadonlySet<number>): Promise<number> => {
  for (let port = preferred; port < preferred + NEIGHBOURS && port < 65_536; port += 1) {
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  for (let attempt = 0; attempt < NEIGHBOURS; attempt += 1) {
    const port = await canBind(0);
    if (port !== undefined && !taken.has(port)) return port;
  }
  throw new Error(`No free port near ${preferred}`);
};
