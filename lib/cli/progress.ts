import { Listr, ListrLogger, ProcessOutput, type ListrDefaultRendererLogLevels, type ListrTask } from 'listr2';
import type { ProgressEvent } from '../stack/index.ts';
import { tell } from './shared.ts';

/** Shows the way up of a stack's services: a task list on a terminal, plain lines otherwise; always on stderr. */
export interface StackProgress {
  readonly onProgress: (event: ProgressEvent) => void;
  /** Ends the display; what is unfinished by then is shown as such. */
  finish(): Promise<void>;
}

const inSeconds = (elapsedMs: number): string => `${(elapsedMs / 1000).toFixed(1)} s`;

const plainProgress = (): StackProgress => {
  const last = new Map<string, string>();
  return {
    onProgress: ({ service, phase, message, elapsedMs }) => {
      const [summary = ''] = message.split('\n');
      const text = phase === 'ready' ? `ready after ${inSeconds(elapsedMs)}, ${summary}` : summary;
      if (last.get(service) === text) return;
      last.set(service, text);
      tell(`${service.padEnd(10)} ${text}`);
    },
    finish: async () => {},
  };
};

interface Row {
  readonly update: (event: ProgressEvent) => void;
  readonly end: () => void;
  readonly task: ListrTask;
}

const row = (name: string): Row => {
  const done = Promise.withResolvers<void>();
  let title: (text: string) => void = () => {};
  return {
    update: ({ phase, message, elapsedMs }) => {
      const [summary = ''] = message.split('\n');
      title(phase === 'ready' ? `${name}: ${summary} (${inSeconds(elapsedMs)})` : `${name}: ${summary}`);
      if (phase === 'ready') done.resolve();
      if (phase === 'failed') done.reject(new Error(summary));
    },
    end: () => done.reject(new Error('interrupted')),
    task: {
      title: name,
      task: (_, task) => {
        title = (text) => {
          task.title = text;
        };
        return done.promise;
      },
    },
  };
};

const terminalProgress = (services: readonly string[]): StackProgress => {
  const rows = new Map(services.map((name) => [name, row(name)]));
  const processOutput = new ProcessOutput(process.stderr, process.stderr);
  const list = new Listr(
    [...rows.values()].map(({ task }) => task),
    {
      concurrent: true,
      exitOnError: false,
      registerSignalListeners: false,
      // It looks at stdout only, which may be a file.
      forceTTY: true,
      rendererOptions: { logger: new ListrLogger<ListrDefaultRendererLogLevels>({ useIcons: true, processOutput }) },
    },
  );
  const running = list.run().catch(() => {});
  return {
    onProgress: (event) => rows.get(event.service)?.update(event),
    finish: async () => {
      for (const { end } of rows.values()) end();
      await running;
    },
  };
};

/** @param services the names of the services that will be started */
export const stackProgress = (services: readonly string[]): StackProgress => (process.stderr.isTTY ? terminalProgress(services) : plainProgress());
