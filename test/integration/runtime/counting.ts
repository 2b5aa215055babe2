/** Counts per key, over a repartition topic and a changelog; every count goes out with the id that made it. */
import { json, keyBy, scan, stream, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';

export interface Event {
  readonly id: number;
  readonly user: string;
  readonly amount: number;
}

export interface Count {
  readonly id: number;
  readonly n: number;
  readonly sum: number;
}

export const counting = (app: string) => topology(app, stream(`${app}.events`, json<Event>()).pipe(
  keyBy('by-user', (event) => event.user),
  scan('counts', (count, event): Count => ({ id: event.id, n: count.n + 1, sum: count.sum + event.amount }), { state: json<Count>(), seed: { id: 0, n: 0, sum: 0 } }),
  to('counts', kafka(`${app}.counts`, json<Count>())),
));

export default counting(process.env.RT_APP ?? 'counting');
