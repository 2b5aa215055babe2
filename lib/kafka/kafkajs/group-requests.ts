/** Requests about groups as a whole. */
import type { Call } from './requests.ts';
import { RequestWriter, type ResponseReader } from './wire.ts';

/** Those that the broker coordinates. */
export const listGroups = (): Call<{ readonly error: number; readonly groups: readonly string[] }> => ({
  name: 'ListGroups',
  apiKey: 16,
  apiVersion: 1,
  lane: 'control',
  body: new RequestWriter().done(),
  decode: (reader) => {
    reader.int32();
    const error = reader.int16();
    const groups = reader.array((r) => {
      const group = r.string();
      r.string();
      return group;
    });
    return { error, groups };
  },
});

const bytes = (reader: ResponseReader): Buffer => reader.raw(Math.max(0, reader.int32()));

/** A group that does not exist has no members. */
export const describeGroup = (group: string): Call<{ readonly error: number; readonly members: number }> => ({
  name: 'DescribeGroups',
  apiKey: 15,
  apiVersion: 0,
  lane: 'control',
  body: new RequestWriter().array([group], (id, w) => w.string(id)).done(),
  decode: (reader) => {
    const [described] = reader.array((r) => {
      const error = r.int16();
      for (let field = 0; field < 4; field += 1) r.string();
      const members = r.array((m) => {
        for (let field = 0; field < 3; field += 1) m.string();
        bytes(m);
        bytes(m);
      });
      return { error, members: members.length };
    });
    return described ?? { error: 0, members: 0 };
  },
});

export const deleteGroup = (group: string): Call<number> => ({
  name: 'DeleteGroups',
  apiKey: 42,
  apiVersion: 1,
  lane: 'control',
  body: new RequestWriter().array([group], (id, w) => w.string(id)).done(),
  decode: (reader) => {
    reader.int32();
    const [error] = reader.array((r) => {
      r.string();
      return r.int16();
    });
    return error ?? 0;
  },
});
