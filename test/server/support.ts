import { createServer, type AddressInfo, type Server } from 'node:net';
import { silentLogger } from '../../lib/core/logger.ts';
import { StageCounters, type StageFigures, type TableFigures, type WorkerFigures } from '../../lib/core/metrics.ts';
import type { ServedWorker } from '../../lib/server/index.ts';

export const stageOf = (name: string, sink: string | null, changes: Partial<StageFigures> = {}): StageFigures =>
  ({ ...new StageCounters(name, sink).snapshot(), assigned: 2, tasks: 2, ...changes });

export const figuresOf = (changes: Partial<WorkerFigures> = {}): WorkerFigures =>
  ({ worker: 'w1', state: 'running', stages: [stageOf('totals', null), stageOf('warehouse', 'warehouse')], tables: [{ topic: 'content', rows: 3, loaded: true, unreadable: 0, valuesUnavailable: 0 }], ...changes });

export const notLoaded: TableFigures = { topic: 'content', rows: 1, loaded: false, unreadable: 0, valuesUnavailable: 0 };

/** A worker that has the figures it is given. */
export class FakeWorker implements ServedWorker {
  readonly worker = 'w1';
  readonly log = silentLogger;
  readonly plan = { app: 'engagement' };
  now: WorkerFigures;

  constructor(now = figuresOf()) {
    this.now = now;
  }

  figures(): WorkerFigures {
    return this.now;
  }
}

/** A port of 127.0.0.1 that somebody else has. */
export const takenPort = (): Promise<{ readonly port: number; readonly server: Server }> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, server }));
  });

/** The first of two free ports that follow each other. */
export const freePair = async (): Promise<number> => {
  for (;;) {
    const { port, server } = await takenPort();
    const next = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      next.once('error', () => resolve(false)).listen(port + 1, '127.0.0.1', () => resolve(true));
    });
    for (const open of [server, next]) if (open.listening) await new Promise((resolve) => open.close(resolve));
    if (isFree) return port;
  }
};

export const freePort = async (): Promise<number> => {
  const { port, server } = await takenPort();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
};
