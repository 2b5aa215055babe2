import { expect } from 'chai';
import { describe, it } from 'mocha';
import { RetryError } from '../../../lib/core/errors.ts';
import type { Connections } from '../../../lib/kafka/kafkajs/connections.ts';
import { offsetsAt } from '../../../lib/kafka/kafkajs/offsets.ts';
import { EARLIEST, type ListedOffset } from '../../../lib/kafka/kafkajs/requests.ts';
import type { TopicPartition } from '../../../lib/kafka/port.ts';

const places = [0, 1, 2, 3].map((partition): TopicPartition => ({ topic: 'content', partition }));

/** Two leaders, one of the even partitions and one of the odd, that answer what `answer` makes of the whole. */
const leaders = (answer: (listed: readonly ListedOffset[]) => readonly ListedOffset[]): Connections => ({
  byLeader: async (asked: readonly TopicPartition[]) => Map.groupBy(asked, ({ partition }) => partition % 2),
  broker: async (nodeId: number) => ({
    send: async () => answer(places.filter(({ partition }) => partition % 2 === nodeId).map((place) => ({ ...place, error: 0, offset: 100 + place.partition }))),
  }),
  forgetLeaders: () => undefined,
}) as unknown as Connections;

describe('offsets asked from the leaders', () => {
  it('come in the order of the partitions, whatever the order of the answers', async () => {
    const found = await offsetsAt(leaders((listed) => listed.toReversed()), places, EARLIEST, 'read_committed');
    expect(found).to.deep.equal(places.map((place) => ({ ...place, offset: 100 + place.partition })));
  });

  it('are asked again when a leader leaves a partition out', async () => {
    const error = await offsetsAt(leaders((listed) => listed.slice(1)), places, EARLIEST, 'read_committed').then(() => null, (thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(RetryError);
  });
});
