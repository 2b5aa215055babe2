/**
 * What every sink must do, tried against the real system. A sink plugs in as a `Subject`; what it does not promise it
 * says in `promises`, and then the suite holds it to what is left.
 */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { systemClock } from '../../../lib/core/clock.ts';
import { RejoinError, RetryError } from '../../../lib/core/errors.ts';
import type { SinkContext, SinkDriver } from '../../../lib/sinks/contract.ts';
import type { Proxy } from './proxy.ts';
import { contextOf, FAR_ENDS, items, once, RECOVERY_MS, recordOf, records, refusedIndexes, rejection, retryIndexes, running, taskOf, TOPIC, writeAll } from './sinks.ts';

/** The sink's own corner of the system, empty at first. */
export interface Place {
  /** A driver as a new worker would make it, writing `Item`s here. */
  driver(context: SinkContext): SinkDriver;
  /** Id -> how often the system has taken it into effect. */
  contents(): Promise<ReadonlyMap<string, number>>;
}

export interface Subject {
  readonly name: string;
  readonly promises: {
    /** An older owner can write nothing once a newer one has a writer, and the system keeps positions. */
    readonly fence: boolean;
    /** How a fence orders owners: as they are `given`, so that an older one cannot claim any more, or as they are `made` by their claims. Default: given. */
    readonly owners?: 'given' | 'made';
    /** Nothing is written when the signal has aborted before the write. */
    readonly stopsBeforeTheFirst: boolean;
  };
  /** Between the driver and the system; null when there is nothing to take down. */
  readonly proxy: (() => Proxy) | null;
  start(): Promise<void>;
  stop(): Promise<void>;
  place(): Promise<Place>;
}

/** Longest time that a driver may need to notice that its system is down. */
const NOTICE_MS = 2_000;
const PREFIX = 5;

export const describeConformance = (subject: Subject): void => {
  describe(`${subject.name}: conformance`, function () {
    this.timeout(60_000);
    const open: SinkDriver[] = [];
    const worker = async (place: Place, context: SinkContext): Promise<SinkDriver> => {
      const driver = place.driver(context);
      open.push(driver);
      await driver.open();
      return driver;
    };

    before(() => subject.start());
    after(async () => {
      await Promise.all(open.map((driver) => driver.close()));
      await subject.stop();
    });

    it('opens twice, in one worker and in two', async () => {
      const place = await subject.place();
      const context = contextOf();
      const first = await worker(place, context);
      await first.open();
      const second = await worker(place, context);
      await second.health();
      await first.health();
    });

    it('writes a batch, each record once', async () => {
      const place = await subject.place();
      const values = items('batch', 50);
      const writer = await (await worker(place, contextOf())).writer(taskOf(1));
      expect(await writer.write(records(values), running())).deep.equal({ refused: [], retry: [] });
      expect(await place.contents()).deep.equal(once(values));
    });

    it('writes an empty batch', async () => {
      const writer = await (await worker(await subject.place(), contextOf())).writer(taskOf(1));
      expect(await writer.write([], running())).deep.equal({ refused: [], retry: [] });
    });

    it('names the records that the system refuses and lands their siblings', async () => {
      const place = await subject.place();
      const values = items('refusal', 6).map((item, n) => (n === 1 || n === 4 ? { ...item, bad: true } : item));
      const writer = await (await worker(place, contextOf())).writer(taskOf(1));
      const result = await writer.write(records(values), running());
      expect(refusedIndexes(result)).deep.equal([1, 4]);
      expect(retryIndexes(result)).deep.equal([]);
      expect(await place.contents()).deep.equal(once(values.filter((_, n) => n !== 1 && n !== 4)));
    });

    it('refuses the record on which a callback throws and lands its siblings', async () => {
      const place = await subject.place();
      const values = items('throws', 3).map((item, n) => (n === 2 ? { ...item, throws: true } : item));
      const writer = await (await worker(place, contextOf())).writer(taskOf(1));
      const result = await writer.write(records(values), running());
      expect(refusedIndexes(result)).deep.equal([2]);
      expect(result.refused[0]!.error.message).contains('on purpose');
      expect(await place.contents()).deep.equal(once(values.slice(0, 2)));
    });

    for (let written = 0; written <= PREFIX; written += 1) {
      it(`changes nothing when the first ${written} of ${PREFIX} records come again after a crash, batched differently`, async () => {
        const place = await subject.place();
        const context = contextOf();
        const values = items('replay', PREFIX).map((item, n) => (n === 1 ? { ...item, bad: true } : item));
        const batch = records(values);
        const crashed = await (await worker(place, context)).writer(taskOf(1));
        await crashed.write(batch.slice(0, written), running());

        const writer = await (await worker(place, context)).writer(taskOf(2));
        const first = await writeAll(writer, batch.slice(0, 3));
        const second = await writeAll(writer, batch.slice(3));
        expect([first.refused, second.refused], 'a refused record is refused again').deep.equal([[1], []]);
        expect(await place.contents()).deep.equal(once(values.filter((_, n) => n !== 1)));
      });
    }

    it('says where it stands, or that it does not know', async () => {
      const place = await subject.place();
      const context = contextOf();
      const writer = await (await worker(place, context)).writer(taskOf(1));
      expect(await writer.positions(FAR_ENDS)).deep.equal(subject.promises.fence ? [0] : [null]);
      await writer.write(records(items('positions', 4)), running());
      const next = await (await worker(place, context)).writer(taskOf(2));
      expect(await next.positions(FAR_ENDS)).deep.equal(subject.promises.fence ? [17] : [null]);
    });

    if (subject.promises.fence) {
      it('lets an older owner write nothing once a newer one has a writer', async () => {
        const place = await subject.place();
        const context = contextOf();
        const values = items('owners', 4);
        const older = await (await worker(place, context)).writer(taskOf(1));
        await older.write(records(values).slice(0, 1), running());
        const newer = await (await worker(place, context)).writer(taskOf(2));
        expect(await rejection(older.write(records(values).slice(1, 2), running()))).instanceOf(RejoinError);
        if (subject.promises.owners !== 'made') expect(await rejection((await worker(place, context)).writer(taskOf(1)))).instanceOf(RejoinError);
        expect(await place.contents()).deep.equal(once(values.slice(0, 1)));
        await newer.write(records(values).slice(1), running());
        expect(await place.contents()).deep.equal(once(values));
      });
    }

    it('writes for two tasks of one worker at once', async () => {
      const place = await subject.place();
      const driver = await worker(place, contextOf());
      const [a, b] = [items('task-a', 20), items('task-b', 20)];
      const one = await driver.writer(taskOf(1));
      const two = await driver.writer(taskOf(1, { partitions: [{ topic: TOPIC, partition: 1 }] }));
      await Promise.all([one.write(records(a), running()), two.write(b.map((value, n) => recordOf(value, n, { partition: 1 })), running())]);
      expect(await place.contents()).deep.equal(once([...a, ...b]));
    });

    it('has everything in the system when it closes after a write', async () => {
      const place = await subject.place();
      const values = items('drain', 30);
      const driver = place.driver(contextOf());
      await driver.open();
      const writer = await driver.writer(taskOf(1));
      await writer.write(records(values), running());
      await writer.close();
      await driver.close();
      expect(await place.contents()).deep.equal(once(values));
    });

    if (subject.promises.stopsBeforeTheFirst) {
      it('writes nothing when it is told to stop before the first record', async () => {
        const place = await subject.place();
        const writer = await (await worker(place, contextOf())).writer(taskOf(1));
        const result = await writer.write(records(items('stopped', 3)), AbortSignal.abort());
        expect(retryIndexes(result)).deep.equal([0, 1, 2]);
        expect((await place.contents()).size).equal(0);
      });
    }

    const { proxy: proxied } = subject;
    if (proxied === null) return;
    describe('while the system is away', () => {
      it('says so quickly when it opens, and opens later', async () => {
        const proxy = proxied();
        const place = await subject.place();
        await proxy.down();
        const driver = place.driver(contextOf());
        open.push(driver);
        const began = performance.now();
        expect(await rejection(driver.open())).instanceOf(RetryError);
        expect(performance.now() - began).lessThan(NOTICE_MS);
        await proxy.up();
        const giveUpAt = performance.now() + RECOVERY_MS;
        while (await driver.open().then(() => false, (error: unknown) => error instanceof RetryError && performance.now() < giveUpAt)) await systemClock.sleep(50);
        await driver.health();
      });

      it('asks for another try quickly, and loses and doubles nothing', async () => {
        const proxy = proxied();
        const place = await subject.place();
        const values = items('outage', 12);
        const driver = await worker(place, contextOf());
        const writer = await driver.writer(taskOf(1));
        await writeAll(writer, records(values).slice(0, 6));
        await proxy.down();
        const began = performance.now();
        const failed = await writer.write(records(values).slice(6), running()).then(retryIndexes, (error: unknown) => error);
        expect(performance.now() - began).lessThan(NOTICE_MS);
        if (Array.isArray(failed)) expect(failed).deep.equal([0, 1, 2, 3, 4, 5]);
        else expect(failed).instanceOf(RetryError);
        expect(await rejection(driver.health())).instanceOf(RetryError);
        await proxy.up();
        await writeAll(writer, records(values).slice(6));
        expect(await place.contents()).deep.equal(once(values));
      });

      it('doubles nothing when the reply to a write is lost', async () => {
        const proxy = proxied();
        const place = await subject.place();
        const values = items('deaf', 8).map((item, n) => (n === 2 ? { ...item, bad: true } : item));
        const writer = await (await worker(place, contextOf())).writer(taskOf(1));
        proxy.mode('deaf');
        const lost = await writer.write(records(values), running()).then(retryIndexes, (error: unknown) => error);
        if (Array.isArray(lost)) expect(lost.length).greaterThan(0);
        else expect(lost).instanceOf(RetryError);
        proxy.mode('through');
        expect((await writeAll(writer, records(values))).refused).deep.equal([2]);
        expect(await place.contents()).deep.equal(once(values.filter((_, n) => n !== 2)));
      });

      it('stops early when it is told to while the system is silent', async () => {
        const proxy = proxied();
        const place = await subject.place();
        const writer = await (await worker(place, contextOf({ timeoutMs: 3_000 }))).writer(taskOf(1));
        proxy.mode('silent');
        const controller = new AbortController();
        const write = writer.write(records(items('silent', 4)), controller.signal);
        await systemClock.sleep(100);
        const began = performance.now();
        controller.abort();
        expect(retryIndexes(await write)).deep.equal([0, 1, 2, 3]);
        expect(performance.now() - began, 'long before its time is over').lessThan(1_500);
        await proxy.down();
        await proxy.up();
      });

      it('asks for another try when a write takes longer than its time', async () => {
        const proxy = proxied();
        const place = await subject.place();
        await worker(place, contextOf());
        const writer = await (await worker(place, contextOf({ timeoutMs: 1_000 }))).writer(taskOf(1));
        proxy.mode('silent');
        const began = performance.now();
        const late = await writer.write(records(items('late', 4)), running()).then(retryIndexes, (error: unknown) => error);
        if (Array.isArray(late)) expect(late).deep.equal([0, 1, 2, 3]);
        else expect(late).instanceOf(RetryError);
        expect(performance.now() - began).lessThan(1_000 + NOTICE_MS);
        await proxy.down();
        await proxy.up();
      });
    });
  });
};
