/** `concatMap`, `mergeMap` and `rx`: what they take and what they give. */
import { catchError, concatMap as rxConcatMap, filter, from, map as rxMap, of, pipe, retry, scan as rxScan, timeout, type Observable } from 'rxjs';
import { concatMap, json, keyBy, mergeMap, rx, stream, type Stream } from 'millrace/topology';
import { sameType } from './expect.ts';

interface Reading { readonly sensor: string; readonly celsius: number }
interface Place { readonly room: string }
const keyed = stream('readings', json<Reading>()).pipe(keyBy((reading) => reading.sensor));
const lookUp = (sensor: string): Promise<Place> => Promise.resolve({ room: sensor });

const promised = keyed.pipe(concatMap((reading) => lookUp(reading.sensor)));
sameType<typeof promised, Stream<Place, string>>(true);
const listed = keyed.pipe(concatMap((reading, meta) => [meta.key, reading.celsius]));
sameType<typeof listed, Stream<string | number, string>>(true);
const generated = keyed.pipe(concatMap(async function* generate(reading) { yield reading.celsius; yield await lookUp(reading.sensor); }));
sameType<typeof generated, Stream<number | Place, string>>(true);
const observed = keyed.pipe(concatMap((reading) => from(lookUp(reading.sensor)).pipe(rxMap((place) => ({ ...place, ...reading })))));
sameType<typeof observed, Stream<{ sensor: string; celsius: number; room: string }, string>>(true);
// @ts-expect-error a function gives a stream, not a value
keyed.pipe(concatMap((reading) => reading.celsius));
// @ts-expect-error the function is of another value
keyed.pipe(concatMap((place: Place) => [place.room]));

const merged = keyed.pipe(mergeMap((reading) => lookUp(reading.sensor), 4));
sameType<typeof merged, Stream<Place, string>>(true);
const mergedByDefault = keyed.pipe(mergeMap((reading, meta) => of(meta.offset, reading.sensor)));
sameType<typeof mergedByDefault, Stream<string | number, string>>(true);
// @ts-expect-error how many overlap is a number
keyed.pipe(mergeMap((reading) => [reading], 'all'));

const one = keyed.pipe(rx(rxMap((reading) => reading.celsius)));
sameType<typeof one, Stream<number, string>>(true);
const several = keyed.pipe(rx(rxConcatMap((reading: Reading) => lookUp(reading.sensor)), timeout(100), retry(2), rxMap((place) => place.room)));
sameType<typeof several, Stream<string, string>>(true);
const six = keyed.pipe(rx(filter((reading) => reading.celsius > 0), rxMap((r) => r.celsius), rxMap(String), rxMap((t) => t.length), rxScan((a, b) => a + b), rxMap((n) => n > 1)));
sameType<typeof six, Stream<boolean, string>>(true);
const recovered = keyed.pipe(rx(pipe(rxMap((reading: Reading) => reading.celsius), catchError(() => of(null)))));
sameType<typeof recovered, Stream<number | null, string>>(true);
// @ts-expect-error without an operator there is nothing to run
keyed.pipe(rx());
// @ts-expect-error the second operator does not take what the first gives
keyed.pipe(rx(rxMap((reading: Reading) => reading.celsius), rxMap((place: Place) => place.room)));
// @ts-expect-error an operator of ours is none of RxJS's
keyed.pipe(rx(concatMap((reading: Reading) => [reading])));
// @ts-expect-error an Observable is no operator
keyed.pipe(rx(of(1) as Observable<number>));
