import { decoded } from '../core/http-address.ts';
import { scrub } from '../core/logger.ts';

/** Shown in place of a value that may be secret. */
export const REDACTED = '[redacted]';

const SECRET_KEY = /(password|passwd|passphrase|passcode|secret|token|credential|private\.?key|jaas|user\.info|api\.?key|access\.?key|ssl\.key$|sslkey$|keystore\.key$)/i;

/** Whether the value of a key with this name is never shown. */
export const isSecretKey = (key: string): boolean => SECRET_KEY.test(key);

/** Shorter texts stand in every message by chance; they are cut out only where they stand alone. */
const SURE_LENGTH = 4;

/** In JDBC URLs and the like. */
const ASSIGNED = /((?:password|passwd|secret|token)=)(?!\$\{)([^&;\s"']+)/gi;
/** After the user, in front of the host. */
const URL_PASSWORD = /:\/\/[^:/\s]*:([^/\s]+)@/g;
/** A line of a key that stands there in several; a shorter one says little. */
const LINE_LENGTH = 16;

const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');

/** The shapes in which a value turns up in messages: as it is, in JSON, in a URL, on one line, or a line of it alone. */
const shapesOf = (value: string): string[] => {
  const lines = value.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const parts = lines.length < 2 ? [] : [lines.join(' '), ...lines.filter((line) => line.length >= LINE_LENGTH)];
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), ...parts];
};

/**
 * Values that no output, error or log may show. Passwords are cut out wherever they stand; what other placeholders stand
 * for (a host, a user) only as whole words, so that a message about `app_orders` stays readable when the user is `app`.
 */
export class Secrets {
  readonly #sure = new Set<string>();
  readonly #words = new Set<string>();
  #pattern: RegExp | undefined;

  /** `key` is the setting whose value it is. */
  add(key: string, value: string): void {
    this.#add(value, isSecretKey(key) ? this.#sure : this.#words);
  }

  /** A value that is secret whatever its key is called. */
  addPassword(value: string): void {
    this.#add(value, this.#sure);
  }

  /** The passwords within a value that is no secret as a whole, such as the address of a server. */
  addPasswordsIn(text: string): void {
    for (const [, password] of text.matchAll(URL_PASSWORD)) for (const shape of [password!, decoded(password!)]) this.addPassword(shape);
    for (const [, , password] of text.matchAll(ASSIGNED)) this.addPassword(password!);
  }

  #add(value: string, target: Set<string>): void {
    if (value === '') return;
    const chosen = value.length >= SURE_LENGTH ? target : this.#words;
    for (const shape of shapesOf(value)) chosen.add(shape);
    this.#pattern = undefined;
  }

  /** The text without the values, without the user info of URLs and without what follows `password=` and the like. */
  readonly cut = (text: string): string => {
    this.#pattern ??= this.#build();
    return scrub(text).replaceAll(this.#pattern, REDACTED).replaceAll(ASSIGNED, `$1${REDACTED}`);
  };

  #build(): RegExp {
    const longestFirst = (values: Iterable<string>): string[] => [...values].sort((a, b) => b.length - a.length).map(literal);
    const words = longestFirst(this.#words);
    const parts = [...longestFirst(this.#sure), ...(words.length === 0 ? [] : [`(?<![\\w-])(?:${words.join('|')})(?![\\w-])`])];
    return parts.length === 0 ? /(?!)/g : new RegExp(parts.join('|'), 'g');
  }
}
