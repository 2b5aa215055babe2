import type { ObservableInput, ObservedValueOf } from 'rxjs';
import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

/**
 * Each value through a function that gives an `ObservableInput` (a list of values, a promise, an async iterable or an
 * Observable); what it emits goes on, in the order of the records: a task works on one record at a time. A record's offset
 * cannot be committed before its inner stream has completed. What the inner stream emits is held until then.
 *
 * An error makes the record a dead letter; a `RetryError` closes the task, which begins again at its last commit after a pause.
 * An inner stream that takes longer than `MILLRACE_INNER_TIMEOUT_MS` counts as the latter.
 */
export const concatMap = <V, K, O extends ObservableInput<unknown>>(project: (value: V, meta: Meta<Known<K>>) => O): Operator<V, K, ObservedValueOf<O>, K> =>
  (stream) => new Stream({ kind: 'inner', operator: 'concatMap', parent: stream.node, project, operators: [], concurrency: 1 });
