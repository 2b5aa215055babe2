import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:net';

const PROBE_TIMEOUT_MS = 2000;
const FIRST_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 500;

/** Resolves when an HTTP GET is answered with a status in the 200s. */
export const httpProbe = async (url: string): Promise<void> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
};

/** Resolves with the first bytes that a server sends after `request`. */
export const tcpProbe = (port: number, request: string, expected: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: PROBE_TIMEOUT_MS });
    let answer = '';
    socket.setEncoding('latin1');
    socket.once('connect', () => (request === '' && expected === '' ? finish() : socket.write(request, 'latin1')));
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length >= expected.length) finish();
    });
    socket.once('timeout', () => finish(new Error(`port ${port} does not answer`)));
    socket.once('error', (error) => finish(error));
    socket.once('close', () => finish(new Error(`port ${port} closed the connection`)));
    const finish = (error?: Error): void => {
      socket.destroy();
      if (error !== undefined) reject(error);
      else if (answer.startsWith(expected)) resolve();
      else reject(new Error(`port ${port} answers ${JSON.stringify(answer.slice(0, 80))}`));
    };
  });

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Throws when waiting on makes no sense, for instance when the process ended. */
  readonly check: () => void;
}

/** Tries a probe until it succeeds. @throws the probe's last error when the time is over */
export const waitUntil = async (probe: () => Promise<void>, options: WaitOptions): Promise<void> => {
  const deadline = performance.now() + options.timeoutMs;
  for (let interval = FIRST_INTERVAL_MS; ; interval = Math.min(interval * 1.5, MAX_INTERVAL_MS)) {
    try {
      await probe();
      return;
    } catch (error) {
      options.check();
      if (performance.now() > deadline) throw error;
    }
    await delay(interval, undefined, { signal: options.signal });
  }
};
