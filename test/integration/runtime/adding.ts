/** Adds amounts to counters in Redis, one hash for the app: an increment that came twice would show. */
import { json, redis, stream, to, topology } from 'millrace/topology';
import type { Event } from './counting.ts';

export const adding = (app: string) => topology(app, stream(`${app}.events`, json<Event>()).pipe(
  to('sums', redis.increment({ key: app, fields: ({ user, amount }) => ({ [user]: amount, records: 1 }) }), { batch: { records: 20, waitMs: 10 } }),
));

export default adding(process.env.RT_APP ?? 'adding');
