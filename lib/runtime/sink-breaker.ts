import { messageOf, type RetryError } from '../core/errors.ts';
import { scrub } from '../core/logger.ts';
import type { StageCounters } from '../core/metrics.ts';
import { Breaker, type BreakerOptions, type Pass } from '../sinks/breaker.ts';
import type { StageContext } from './context.ts';

/** Notes what became of each attempt: also before it opens, the figures say why a sink does not answer. */
class NotingBreaker extends Breaker {
  readonly #counters: StageCounters;

  constructor(options: BreakerOptions, counters: StageCounters) {
    super(options);
    this.#counters = counters;
  }

  override succeeded(pass: Pass): void {
    super.succeeded(pass);
    // A late attempt says nothing about the time after it opened.
    if (this.state === 'closed') this.#counters.sinkDown = null;
  }

  override failed(pass: Pass, error: RetryError): void {
    this.#counters.sinkDown = scrub(messageOf(error));
    super.failed(pass, error);
  }
}

/** The breaker of a sink, with what is told of its changes: the log, the figures and the worker's events. */
export const sinkBreaker = (sink: string, { clock, config, counters, log, limited, events }: Pick<StageContext, 'clock' | 'config' | 'counters' | 'log' | 'limited' | 'events'>): Breaker => {
  const breaker = new NotingBreaker({ clock, failures: config.breakerFailures, openMs: config.breakerOpenMs, openMaxMs: config.breakerOpenMaxMs }, counters);
  breaker.changes$.subscribe(({ state, openMs, error }) => {
    counters.breaker = state;
    if (state === 'closed') log.info('the sink works again; its breaker is closed', { sink });
    else if (state === 'open' && openMs !== null) limited.warn(`breaker ${sink}`, 'the sink is down; its breaker is open, and nothing is written for a while', { sink, openMs: Math.round(openMs), error });
    else log.debug(`the sink's breaker is ${state}`, { sink });
    events.emit({ type: 'sinkState', sink, state });
  });
  return breaker;
};
