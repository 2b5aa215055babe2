/** OffsetCommit v7: the coordinator refuses a member of an older generation. */
import type { CommittedPosition, Membership } from '../port.ts';
import { byTopic, type Call, type PartitionError } from './requests.ts';
import { RequestWriter } from './wire.ts';

export const offsetCommit = (groupId: string, { memberId, generation }: Membership, positions: readonly CommittedPosition[]): Call<readonly PartitionError[]> => ({
  name: 'OffsetCommit',
  apiKey: 8,
  apiVersion: 7,
  lane: 'control',
  body: new RequestWriter()
    .string(groupId)
    .int32(generation)
    .string(memberId)
    .string(null)
    .array(byTopic(positions), ([topic, entries], w) => w.string(topic).array(entries, (entry, v) => v.int32(entry.partition).int64(entry.offset).int32(-1).string(entry.metadata ?? '')))
    .done(),
  decode: (reader) => {
    reader.int32();
    return reader
      .array((r) => {
        const topic = r.string();
        return r.array((p) => ({ topic, partition: p.int32(), error: p.int16() }));
      })
      .flat();
  },
});
