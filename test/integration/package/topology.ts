/** `topology.ts`: readings of sensors to a topic in Fahrenheit, and the highest of each place to Redis. */
import { json, kafka, keyBy, map, redis, scan, stream, to, topology } from 'millrace/topology';

interface Reading {
  readonly place: string;
  readonly celsius: number;
}

/** Begins the names of its topics, so that several of it can run on one Kafka. */
const prefix = process.env['USER_PREFIX'] ?? 'user';
const toFahrenheit = ({ place, celsius }: Reading) => ({ place, fahrenheit: celsius * 1.8 + 32 });

export const readings = stream(`${prefix}-readings`, json<Reading>());

const converted = readings.pipe(map(toFahrenheit), to('converted', kafka(`${prefix}-converted`, json<{ readonly place: string; readonly fahrenheit: number }>())));
const highest = readings.pipe(
  keyBy('by-place', ({ place }) => place),
  scan('highest', (most, { celsius }) => Math.max(most, celsius), { state: json<number>(), seed: -273 }),
  to('highest', redis.hash({ key: 'highest', fields: (celsius, meta) => ({ [meta.key]: celsius }) })),
);

export default topology(prefix, converted, highest);
