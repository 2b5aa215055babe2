/** What the tests of `concatMap`, `mergeMap` and `rx` share: numbers through one step, to a topic, driven without a broker. */
import { json, kafka, stream, to, topology, type Operator } from 'millrace/topology';
import { drive, type Driver } from '../../../lib/testing/index.ts';

export interface DrivenNumbers {
  readonly driver: Driver;
  send(...numbers: readonly number[]): Promise<readonly unknown[]>;
}

/** Sends numbers through a step and gives what has come out so far, in order, when all inner streams have ended. */
export const numbersThrough = (step: Operator<number, unknown, unknown, unknown>): DrivenNumbers => {
  const numbers = stream('numbers', json<number>());
  const driver = drive(topology('app', numbers.pipe(step as Operator<number, unknown, number, unknown>, to('out', kafka('out', json<number>())))));
  return {
    driver,
    send: async (...sent) => {
      for (const n of sent) driver.input(numbers).send(n, { key: `k${n}` });
      await driver.settled();
      return driver.topic('out').map(({ value }) => value);
    },
  };
};
