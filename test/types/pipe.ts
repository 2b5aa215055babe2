import { map as rxMap } from 'rxjs';
import { branch, filter, json, map, otherwise, stream, to, redis, type Stream } from 'millrace/topology';
import { sameType } from './expect.ts';

interface Reading { readonly sensor: string; readonly celsius: number }
const readings = stream('readings', json<Reading>());
const same = map((reading: Reading) => reading);

sameType<ReturnType<typeof eleven>, Stream<Reading, unknown>>(true);
const eleven = () => readings.pipe(same, same, same, same, same, same, same, same, same, same, same);

const twelfth = readings.pipe(same, same, same, same, same, same, same, same, same, same, same, map((reading) => reading.celsius));
sameType<typeof twelfth, Stream<number, unknown>>(true);

// @ts-expect-error a pipe takes twelve operators, not thirteen
readings.pipe(same, same, same, same, same, same, same, same, same, same, same, same, same);

// @ts-expect-error RxJS's own operators are for Observables
readings.pipe(rxMap((reading: Reading) => reading.celsius));

const end = to('end', redis.hash({ key: 'k', fields: (reading: Reading) => ({ sensor: reading.sensor }) }));
// @ts-expect-error nothing follows `to`
readings.pipe(end, filter(() => true));
// @ts-expect-error nothing follows `branch`
readings.pipe(branch({ all: otherwise }), filter(() => true));

// @ts-expect-error a stream has no method but pipe
readings.map((reading: Reading) => reading.celsius);

const hot = (threshold: number) => (source: Stream<Reading, unknown>) => source.pipe(filter((reading) => reading.celsius > threshold), map((reading) => reading.sensor));
const own = readings.pipe(hot(30), map((sensor, meta) => [sensor, meta.offset] as const));
sameType<typeof own, Stream<readonly [string, number], unknown>>(true);

const bySensor = <V extends { readonly sensor: string }, K>(source: Stream<V, K>) => source.pipe(filter((value) => value.sensor !== ''));
const generic = readings.pipe(bySensor);
sameType<typeof generic, Stream<Reading, unknown>>(true);
