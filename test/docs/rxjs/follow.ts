import { filter, groupBy, map, mergeMap, scan, type Observable } from 'rxjs';
import type { RunHandle, StoreChange } from 'millrace';

/** Stage -> records committed so far, each time a commit adds to it. */
export const committedRecords = (worker: RunHandle): Observable<readonly [stage: string, records: number]> =>
  worker.events$.pipe(
    filter((event) => event.type === 'committed'),
    groupBy((event) => event.stage),
    mergeMap((commits$) => commits$.pipe(scan((sum, { records }) => sum + records, 0), map((records) => [commits$.key, records] as const))),
  );

/** The totals of one customer, as they are now and whenever they change. */
export const follow = (worker: RunHandle, customer: string, show: (total: unknown) => void): void => {
  const totals = worker.store('totals');
  show(totals.get(customer));
  totals.changes$.pipe(filter(({ key }: StoreChange) => key === customer)).subscribe(({ value }) => show(value));
};
