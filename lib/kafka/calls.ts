import { MillraceError, messageOf, RetryError, StopError } from '../core/errors.ts';
import type { ProducerOwner } from './port.ts';

/**
 * The discipline of a producer's calls, whatever is behind the port: one at a time, none before `init`, and none after one that
 * failed, since what the broker did is then unknown, nor after `close`.
 */
export class ProducerCalls<Owner extends ProducerOwner> {
  readonly #id: string;
  #owner: Owner | null = null;
  #under: string | null = null;
  #death: MillraceError | null = null;
  #closed = false;

  constructor(transactionalId: string) {
    this.#id = transactionalId;
  }

  /** Throws `StopError` before `init`. */
  get owner(): Owner {
    if (this.#owner === null) throw new StopError(`Producer ${this.#id} was used before init`);
    return this.#owner;
  }

  /** The call that makes the owner; it may be repeated. */
  init(act: () => Promise<Owner>): Promise<Owner> {
    return this.#alone('init', async () => (this.#owner = await act()));
  }

  /** Rejects with what the call rejects with, as one of our errors; so does every later one. */
  run<T>(name: string, act: () => Promise<T>): Promise<T> {
    return this.#alone(name, act);
  }

  close(): void {
    this.#closed = true;
  }

  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.#death !== null) throw this.#death;
    if (this.#closed) throw new StopError(`${name} was called on the closed producer ${this.#id}`);
    if (this.#under !== null) throw new StopError(`${name} was called while ${this.#under} of producer ${this.#id} is under way`);
    if (name !== 'init') void this.owner;
    this.#under = name;
    try {
      return await act();
    } catch (thrown) {
      this.#death = thrown instanceof MillraceError ? thrown : new RetryError(`${name} of producer ${this.#id}: ${messageOf(thrown)}`, { cause: thrown });
      throw this.#death;
    } finally {
      this.#under = null;
    }
  }
}
