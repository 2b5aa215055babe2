import { expect } from 'chai';
import { describe, it } from 'mocha';
import { concatMap, delay, firstValueFrom, map, merge, of, Subject, take, toArray } from 'rxjs';
import { GuardedObservable } from '../../lib/core/observable.ts';

const made = () => {
  const source = new Subject<number>();
  const reported: unknown[] = [];
  return { source, reported, guarded$: new GuardedObservable<number>(source, (error) => reported.push(error)) };
};

const no = new Error('no');
const refuse = (): never => {
  throw no;
};

describe('an Observable for other people', () => {
  it('gives functions and observers what the source gives', () => {
    const { source, reported, guarded$ } = made();
    const seen: unknown[] = [];
    guarded$.subscribe((n) => seen.push(n));
    const observer = { times: 10, next(n: number) { seen.push(n * this.times); }, complete() { seen.push(`done ${this.times}`); } };
    guarded$.subscribe(observer);
    source.next(1);
    source.complete();
    expect(seen).to.deep.equal([1, 10, 'done 10']);
    expect(reported).to.deep.equal([]);
  });

  it('holds nothing for who has unsubscribed', () => {
    const { source, guarded$ } = made();
    const seen: number[] = [];
    guarded$.subscribe((n) => seen.push(n)).unsubscribe();
    guarded$.pipe(take(1)).subscribe((n) => seen.push(n));
    source.next(1);
    expect(seen).to.deep.equal([1]);
    expect(source.observed).to.equal(false);
  });

  it('reports what a subscriber throws, and goes on for it and for the others', () => {
    const { source, reported, guarded$ } = made();
    const seen: number[] = [];
    guarded$.subscribe(refuse);
    guarded$.subscribe((n) => seen.push(n));
    source.next(1);
    source.next(2);
    expect(seen).to.deep.equal([1, 2]);
    expect(reported).to.deep.equal([no, no]);
  });

  it('reports what is thrown behind pipe', async () => {
    const { source, reported, guarded$ } = made();
    guarded$.pipe(map((n) => n + 1)).subscribe(refuse);
    guarded$.pipe(concatMap((n) => of(n).pipe(delay(0)))).subscribe({ next: refuse });
    source.next(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(reported).to.deep.equal([no, no]);
  });

  it('reports an error that nobody handles, and gives it to who does', () => {
    const { source, reported, guarded$ } = made();
    const handled: unknown[] = [];
    guarded$.pipe(map(refuse)).subscribe();
    guarded$.pipe(map(refuse)).subscribe({ error: (error) => handled.push(error) });
    guarded$.pipe(map(refuse)).subscribe({ error: refuse });
    source.next(1);
    expect(reported).to.deep.equal([no, no]);
    expect(handled).to.deep.equal([no]);
  });

  it('works with the functions of RxJS', async () => {
    const { source, guarded$ } = made();
    const first = firstValueFrom(guarded$);
    const all = firstValueFrom(merge(guarded$, guarded$.pipe(map((n) => -n))).pipe(toArray()));
    source.next(7);
    source.complete();
    expect([await first, await all]).to.deep.equal([7, [7, -7]]);
  });
});
