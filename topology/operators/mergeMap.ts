import type { ObservableInput, ObservedValueOf } from 'rxjs';
import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

/**
 * Like `concatMap`, for up to `concurrent` records of a task at once (default 16); what they emit goes on in the order in which
 * they complete. A commit waits for those under way. A stage that has a `concatMap` or `rx` too works on one record at a time. A
 * `scan` in the same stage must come behind the `mergeMap`, which then is its only inner stream: put `through(...)` between where it does not.
 */
export const mergeMap = <V, K, O extends ObservableInput<unknown>>(
  project: (value: V, meta: Meta<Known<K>>) => O,
  concurrent = 16,
): Operator<V, K, ObservedValueOf<O>, K> =>
  (stream) => new Stream({ kind: 'inner', operator: 'mergeMap', parent: stream.node, project, operators: [], concurrency: concurrent });
