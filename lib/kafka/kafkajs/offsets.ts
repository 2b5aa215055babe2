/** Where logs begin and end, asked from the leaders; in the order of the partitions given. */
import { RetryError } from '../../core/errors.ts';
import type { Isolation, Position, TopicPartition } from '../port.ts';
import type { Connections } from './connections.ts';
import { leadershipMoved, NONE, protocolError } from './protocol-errors.ts';
import { listOffsets } from './requests.ts';

export const offsetsAt = async (connections: Connections, partitions: readonly TopicPartition[], time: number, isolation: Isolation): Promise<Position[]> => {
  if (partitions.length === 0) return [];
  const byLeader = await connections.byLeader(partitions);
  const answers = await Promise.all(
    [...byLeader].map(async ([nodeId, group]) => (await connections.broker(nodeId)).send(listOffsets(isolation, time, group))),
  );
  const offsets = new Map<string, number>();
  for (const { topic, partition, error, offset } of answers.flat()) {
    if (error !== NONE) {
      if (leadershipMoved(error)) connections.forgetLeaders([topic]);
      throw protocolError(error, 'ListOffsets', { topic, partition });
    }
    offsets.set(`${topic}/${partition}`, offset);
  }
  // Brokers answer in an order of their own.
  return partitions.map(({ topic, partition }) => {
    const offset = offsets.get(`${topic}/${partition}`);
    if (offset === undefined) throw new RetryError('ListOffsets: a leader left a partition out of its answer', { where: { topic, partition } });
    return { topic, partition, offset };
  });
};
