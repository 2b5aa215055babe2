import type { KafkaAdmin, Position } from '../kafka/port.ts';
import type { Plan } from '../plan/types.ts';
import type { PartitionCounts } from './topics.ts';

/**
 * How far repartition topics have been processed. Only their own stage reads them, so what lies before can be deleted. (The input topics of
 * outside sinks are deleted by their tasks, who know what the sink still has: `keeping.ts`.)
 */
export const processedOf = async (plan: Plan, admin: KafkaAdmin, partitions: PartitionCounts): Promise<readonly Position[]> => {
  const repartition = new Set(plan.topics.filter((t) => t.role === 'repartition').map((t) => t.topic));
  const behind: Position[] = [];
  for (const stage of plan.stages) {
    const places = stage.entries.filter((e) => repartition.has(e.topic))
      .flatMap(({ topic }) => Array.from({ length: partitions.get(topic)! }, (_, partition) => ({ topic, partition })));
    if (places.length > 0) behind.push(...await admin.committed(stage.group, places));
  }
  return behind;
};
