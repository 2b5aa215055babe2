/** Something of everything that metrics tell of: a table, dropped records, dead letters, state, an outside sink. */
import { http, join, json, keyBy, map, scan, stream, table, to, topology, validate } from 'millrace/topology';

export interface Event {
  readonly id: number;
  readonly user: string;
  readonly amount: number;
}

export interface User {
  readonly id: string;
  readonly country: string;
}

interface Total {
  readonly id: number;
  readonly amount: number;
}

export const watched = (app: string, url: string) => topology(app, stream(`${app}.events`, json<Event>()).pipe(
  validate({ amountNotNegative: (event) => event.amount >= 0 }),
  join(table(`${app}.users`, json<User>(), { key: 'id' }), (event) => event.user),
  map(([event]) => event),
  keyBy('by-user', (event) => event.user),
  scan('totals', (total, event): Total => ({ id: event.id, amount: total.amount + event.amount }), { state: json<Total>(), seed: { id: 0, amount: 0 } }),
  to('hook', http({ url, body: (total) => total, idempotencyKey: (total) => total.id })),
));

export default watched(process.env.RT_APP ?? 'watched', process.env.RT_HOOK ?? 'http://127.0.0.1:1/');
