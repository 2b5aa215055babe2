import { defer, filter, map, type Observable } from 'rxjs';
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

/** Subjects whose last text is remembered: workers that are started again and again have ever new ones. */
const MOST_SUBJECTS = 256;

/** Lines for people about what is out of the ordinary. */
export const noticesOf = (news$: Observable<WorkerNews>): Observable<string> => defer(() => {
  const told = new Map<string, string>();
  const isNew = (subject: string, text: string): boolean => {
    if (subject === '') return true;
    if (told.get(subject) === text) return false;
    // What was told last stands last.
    told.delete(subject);
    told.set(subject, text);
    if (told.size > MOST_SUBJECTS) told.delete(told.keys().next().value!);
    return true;
  };
  return news$.pipe(
    map((news) => ({ subject: subjectOf(news), text: textOf(news) })),
    filter((said): said is { readonly subject: string; readonly text: string } => said.text !== null && isNew(said.subject, said.text)),
    map(({ text }) => text),
  );
});
