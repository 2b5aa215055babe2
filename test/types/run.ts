/** What a running worker tells. */
import { filter, map, type Observable } from 'rxjs';
import type { BreakerState, RunHandle, StoreChange, StoreView, WorkerEvent } from 'millrace';
import { sameType } from './expect.ts';

declare const handle: RunHandle;

sameType<typeof handle.events$, Observable<WorkerEvent>>(true);
const states = handle.events$.pipe(filter((event) => event.type === 'sinkState'), map(({ sink, state }) => ({ sink, state })));
sameType<typeof states, Observable<{ sink: string; state: BreakerState }>>(true);
// @ts-expect-error an event has the fields of its type only
handle.events$.pipe(filter((event) => event.type === 'opened'), map(({ records }) => records));
// @ts-expect-error there is no such event
handle.events$.pipe(filter((event) => event.type === 'closed'));

const store = handle.store('totals');
sameType<typeof store, StoreView>(true);
sameType<typeof store.changes$, Observable<StoreChange>>(true);
// @ts-expect-error a view is for looking
store.put('key', 1);
