import winston from 'winston';
import type { Clock } from './clock.ts';

/** Fields that a line carries besides its message. Values and keys of records are never logged. */
export type LogFields = Readonly<Record<string, unknown>>;

/** JSON lines on stderr; stdout carries data only. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines all carry these fields too. */
  child(fields: LogFields): Logger;
}

const SECRET = /(token|password|passphrase|secret|credential|authorization)/i;
/** Up to the last @ in front of the path: people forget to encode one. So do they with a slash; only after a port it begins a path. */
const URL_USERINFO = /(\b[a-z][a-z0-9+.-]*:\/\/)(?:[^/\s]+@|[^/\s:@[]*:(?!\d+\/)\S{1,500}@)/gi;

/** Cuts the user info out of every URL in a text. */
export const scrub = (text: string): string => text.replace(URL_USERINFO, '$1[redacted]@');

const clean = (value: unknown): unknown => {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) {
    return { type: value.name, message: scrub(value.message), ...(value.cause === undefined ? {} : { cause: clean(value.cause) }) };
  }
  if (Array.isArray(value)) return value.map(clean);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, SECRET.test(k) ? '[redacted]' : clean(v)]));
  }
  return value;
};

export interface LoggerOptions {
  readonly level?: string;
  /** Ties the lines of one run together. */
  readonly correlationId: string;
  readonly service: string;
}

/** A logger of JSON lines on stderr: timestamp, level, message, service, correlationId and the fields given. */
export const createLogger = (options: LoggerOptions): Logger => {
  const base = winston.createLogger({
    level: options.level ?? 'info',
    format: winston.format.combine(
      winston.format.timestamp(),
      winston.format((info) => {
        for (const key of Object.keys(info)) info[key] = SECRET.test(key) ? '[redacted]' : clean(info[key]);
        return info;
      })(),
      winston.format.json(),
    ),
    defaultMeta: { service: options.service, correlationId: options.correlationId },
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  });
  return wrap(base);
};

const wrap = (target: winston.Logger): Logger => ({
  debug: (message, fields) => void target.debug(message, fields),
  info: (message, fields) => void target.info(message, fields),
  warn: (message, fields) => void target.warn(message, fields),
  error: (message, fields) => void target.error(message, fields),
  child: (fields) => wrap(target.child(fields)),
});

/** A logger that drops everything; for tests and for `drive`. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLogger };

/**
 * Lets one line per key through in each interval and says with the next one how many were left out, so that an outage
 * does not fill the disk.
 */
export class RateLimitedLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #seen = new Map<string, { at: number; suppressed: number }>();

  constructor(log: Logger, clock: Clock, intervalMs = 10_000) {
    this.#log = log;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  warn(key: string, message: string, fields: LogFields = {}): void {
    const now = this.#clock.monotonic();
    const last = this.#seen.get(key);
    if (last !== undefined && now - last.at < this.#intervalMs) {
      last.suppressed += 1;
      return;
    }
    this.#log.warn(message, last === undefined || last.suppressed === 0 ? fields : { ...fields, suppressed: last.suppressed });
    this.#seen.set(key, { at: now, suppressed: 0 });
  }
}
