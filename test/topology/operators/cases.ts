/** What the operators' tests share: a stream to pipe, and the promise that every operator keeps. */
import { expect } from 'chai';
import { json, keyBy, parentsOf, stream, type Operator, type Stream } from 'millrace/topology';

export interface Reading {
  readonly sensor: string;
  readonly celsius: number | null;
}

export const readings: Stream<Reading, string> = stream('readings', json<Reading>()).pipe(keyBy((reading) => reading.sensor));

/** Piping one stream twice gives two steps that know nothing of each other, frozen, and leaves the stream as it was. */
export const expectIndependent = <W, L>(operator: Operator<Reading, string, W, L>): void => {
  const before = JSON.stringify(readings.node);
  const [first, second] = [readings.pipe(operator).node, readings.pipe(operator).node];
  expect(first).to.deep.equal(second);
  expect(first).to.not.equal(second);
  expect(first, 'a step is immutable').to.be.frozen;
  expect(parentsOf(first)[0]).to.equal(readings.node);
  expect(JSON.stringify(readings.node)).to.equal(before);
};
