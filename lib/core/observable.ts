import { Observable, Subscriber, type Observer, type Operator, type Subscription } from 'rxjs';

type Next<T> = Partial<Observer<T>> | ((value: T) => void) | null;

/**
 * An Observable for code that is not ours. RxJS throws what a subscriber throws, and errors that nobody handles, into the process,
 * which would end the worker; here they are reported instead, also behind `pipe`.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #report: (error: unknown) => void;

  constructor(source: Observable<unknown>, report: (error: unknown) => void, operator?: Operator<unknown, T>) {
    super();
    this.source = source;
    this.operator = operator;
    this.#report = report;
  }

  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    return new GuardedObservable<R>(this, this.#report, operator as Operator<unknown, R> | undefined);
  }

  override subscribe(next?: Next<T>, error?: ((error: unknown) => void) | null, complete?: (() => void) | null): Subscription {
    if (next instanceof Subscriber) return super.subscribe(next);
    const given: Partial<Observer<T>> = typeof next === 'function' ? { next } : (next ?? {});
    return super.subscribe({
      next: this.#guarded((value: T) => given.next?.(value)),
      error: this.#guarded((thrown: unknown) => {
        const handle = error ?? given.error?.bind(given);
        if (handle === undefined) this.#report(thrown);
        else handle(thrown);
      }),
      complete: this.#guarded(() => {
        given.complete?.();
        complete?.();
      }),
    });
  }

  #guarded<A extends readonly unknown[]>(callback: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      try {
        callback(...args);
      } catch (error) {
        this.#report(error);
      }
    };
  }
}
