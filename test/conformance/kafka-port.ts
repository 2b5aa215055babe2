/**
 * What every port to Kafka does, whatever is behind it: run on the cluster in memory and on a real broker, so that what is
 * simulated on the one is true of the other.
 */
import { after, before, describe } from 'mocha';
import { describeDirect } from './kafka-port/direct.ts';
import { describeGroups } from './kafka-port/groups.ts';
import { describeLogs } from './kafka-port/logs.ts';
import { Place, type PortSubject } from './kafka-port/place.ts';
import { describeTransactions } from './kafka-port/transactions.ts';

export type { DisturbedPort, PortSubject } from './kafka-port/place.ts';

export const describeKafkaPort = (name: string, make: () => Promise<PortSubject>): void => {
  describe(`a Kafka port: ${name}`, function () {
    this.timeout(30_000);
    let current: Place | null = null;
    const place = (): Place => current!;

    before(async () => {
      current = new Place(await make());
    });

    after(async () => {
      await current?.subject.close(current.topics);
    });

    describe('transactions', () => describeTransactions(place));
    describe('records and offsets outside transactions', () => describeDirect(place));
    describe('logs', () => describeLogs(place));
    describe('groups', () => describeGroups(place));
  });
};
