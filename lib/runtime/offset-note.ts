/** What a commit notes beside its offsets: the stores of the version that made it. A persistent format; what it cannot read says nothing. */
import type { CommittedPosition, Position } from '../kafka/port.ts';
import type { StagePlan } from '../plan/types.ts';

/** Brokers refuse a longer one (`offset.metadata.max.bytes`). */
const MAX_NOTE_BYTES = 4_096;

/** By the stores that they name: a note is made once, commits are many. */
const notes = new WeakMap<StagePlan['stores'], string>();

/** Empty where a stage has more stores than a note holds. */
const noteOf = (stores: StagePlan['stores']): string => {
  let note = notes.get(stores);
  if (note === undefined) {
    note = JSON.stringify({ stores: stores.map(({ name }) => name) });
    if (Buffer.byteLength(note) > MAX_NOTE_BYTES) note = '';
    notes.set(stores, note);
  }
  return note;
};

export const withNote = (positions: readonly Position[], { stores }: Pick<StagePlan, 'stores'>): readonly CommittedPosition[] => {
  const metadata = noteOf(stores);
  return positions.map(({ topic, partition, offset }) => ({ topic, partition, offset, metadata }));
};

/** The stores that were there at the commit; null: not known, of a version that noted none or of another tool. */
const notedStores = ({ metadata }: CommittedPosition): readonly unknown[] | null => {
  if (metadata === undefined || metadata === '') return null;
  try {
    const { stores } = JSON.parse(metadata) as { readonly stores?: unknown };
    return Array.isArray(stores) ? stores : null;
  } catch {
    return null;
  }
};

/** Whether one of the positions was committed by a version that did not have the store: what it read is not in there. */
export const wasWithout = (store: string, committed: readonly CommittedPosition[]): boolean =>
  committed.some((position) => notedStores(position)?.includes(store) === false);
