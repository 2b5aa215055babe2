/** Where logs begin and end, asked from the leaders. */
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
  return answers.flat().map(({ topic, partition, error, offset }) => {
    if (error !== NONE) {
      if (leadershipMoved(error)) connections.forgetLeaders([topic]);
      throw protocolError(error, 'ListOffsets', { topic, partition });
    }
    return { topic, partition, offset };
  });
};
