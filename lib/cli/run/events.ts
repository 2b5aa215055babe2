import { distinctUntilChanged, filter, groupBy, map, mergeMap, type Observable } from 'rxjs';
import { messageOf } from '../../core/errors.ts';
import { scrub } from '../../core/logger.ts';
import type { WorkerEvent } from '../../runtime/events.ts';

/** Events that are rare enough for a channel between processes and for people to read. */
const COARSE = ['assigned', 'restored', 'fenced', 'aborted', 'paused', 'sinkState', 'error', 'stopped'] as const;

type Plain<E> = E extends { readonly error: unknown } ? Omit<E, 'error'> & { readonly error: string } : E;

/** Such an event as plain data: errors are their messages, without secrets. */
export type CoarseEvent = Plain<Extract<WorkerEvent, { readonly type: (typeof COARSE)[number] }>>;

const isCoarse = (event: WorkerEvent): boolean => (COARSE as readonly string[]).includes(event.type);

const plain = (event: WorkerEvent): CoarseEvent => ('error' in event ? { ...event, error: scrub(messageOf(event.error)) } : event) as CoarseEvent;

export const coarse = (events$: Observable<WorkerEvent>): Observable<CoarseEvent> => events$.pipe(filter(isCoarse), map(plain));

export interface WorkerNews {
  readonly worker: string;
  readonly event: CoarseEvent;
}

/** For people; null: what happens whenever workers start and stop, and a breaker's attempts. */
const textOf = ({ event, worker }: WorkerNews): string | null => {
  switch (event.type) {
    case 'sinkState':
      return event.state === 'half-open' ? null : `${event.sink}: the breaker is ${event.state} in worker ${worker}`;
    case 'fenced':
      return `${event.stage}: task ${event.partition} of worker ${worker} was shut out by a newer owner`;
    case 'aborted':
      return `${event.stage}: task ${event.partition} of worker ${worker} begins again at its last commit: ${event.error}`;
    case 'paused':
      return `${event.stage}: task ${event.partition} of worker ${worker} is paused: ${event.error}`;
    case 'error':
      return `Worker ${worker} stops: ${event.error}`;
    case 'restored':
      return event.records === 0 ? null : `${event.stage}: worker ${worker} restored ${event.records.toLocaleString('en-US')} records of ${event.store}, partition ${event.partition}`;
    default:
      return null;
  }
};

/** What they are about: an outage is told once, however often a breaker tries in vain. */
const subjectOf = ({ event, worker }: WorkerNews): string => (event.type === 'sinkState' ? `${worker} ${event.sink}` : '');

/** Lines for people about what is out of the ordinary. */
export const noticesOf = (news$: Observable<WorkerNews>): Observable<string> =>
  news$.pipe(
    groupBy(subjectOf),
    mergeMap((about$) => {
      const texts$ = about$.pipe(map(textOf), filter((text) => text !== null));
      return about$.key === '' ? texts$ : texts$.pipe(distinctUntilChanged());
    }),
  );
