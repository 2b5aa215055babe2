/** Workers inside the test's own process, with their log kept. */
import { run, type Logger, type LogFields, type RunHandle, type RunOptions } from 'millrace';
import type { Topology } from 'millrace/topology';

export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

export class KeptLog implements Logger {
  readonly lines: LogLine[];
  readonly #fields: LogFields;

  constructor(lines: LogLine[] = [], fields: LogFields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  #keep(level: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ ...this.#fields, ...fields, level, message });
  }

  debug(): void {}

  info(message: string, fields?: LogFields): void {
    this.#keep('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#keep('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#keep('error', message, fields);
  }

  child(fields: LogFields): Logger {
    return new KeptLog(this.lines, { ...this.#fields, ...fields });
  }

  said(message: string): readonly LogLine[] {
    return this.lines.filter((line) => line.message.includes(message));
  }
}

export interface Started {
  readonly handle: RunHandle;
  readonly log: KeptLog;
}

/** All workers of a test; `stop` ends them. */
export class Handles {
  readonly #all: RunHandle[] = [];

  start(topology: Topology, options: RunOptions = {}): Started {
    const log = new KeptLog();
    const handle = run(topology, { log, ...options });
    // A test that cares awaits it.
    handle.done.catch(() => undefined);
    this.#all.push(handle);
    return { handle, log };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((handle) => handle.stop()));
  }
}
