import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

const INTERVAL_US = 500;

export interface Recording {
  start(): void;
  /** Ends the profile and writes it. */
  stop(): Promise<void>;
}

/** A CPU profile of this process, of the time between start and stop alone. */
export const profiled = (file: string): Recording => {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  return {
    start: () => session.post('Profiler.start'),
    stop: () => new Promise((resolve, reject) => {
      session.post('Profiler.stop', (error, result) => {
        if (error !== null) return reject(new Error('the profiler did not stop', { cause: error }));
        writeFileSync(file, JSON.stringify(result.profile));
        session.disconnect();
        resolve();
      });
    }),
  };
};
