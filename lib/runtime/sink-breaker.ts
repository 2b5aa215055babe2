import { Breaker } from '../sinks/breaker.ts';
import type { StageContext } from './context.ts';

/** The breaker of a sink, with what is told of its changes: the log, the figures and the worker's events. */
export const sinkBreaker = (sink: string, { clock, config, counters, log, limited, events }: Pick<StageContext, 'clock' | 'config' | 'counters' | 'log' | 'limited' | 'events'>): Breaker => {
  const breaker = new Breaker({ clock, failures: config.breakerFailures, openMs: config.breakerOpenMs, openMaxMs: config.breakerOpenMaxMs });
  breaker.changes$.subscribe(({ state, openMs, error }) => {
    counters.breaker = state;
    if (state === 'closed') log.info('the sink works again; its breaker is closed', { sink });
    else if (state === 'open' && openMs !== null) limited.warn(`breaker ${sink}`, 'the sink is down; its breaker is open, and nothing is written for a while', { sink, openMs: Math.round(openMs), error });
    else log.debug(`the sink's breaker is ${state}`, { sink });
    events.emit({ type: 'sinkState', sink, state });
  });
  return breaker;
};
