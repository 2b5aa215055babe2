/** What each step for changes makes of the same SQL, in each shape: written by hand. */
export const SHAPES = ['envelope', 'flattened', 'rewritten'] as const;
export type ShapeName = (typeof SHAPES)[number];

/** 9,600 characters that do not compress: stored out of line, so that an update of another column leaves them out. */
export const LARGE = "SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i";

export interface Expected {
  readonly inserts: readonly string[];
  readonly changes: readonly string[];
  readonly upserts: readonly string[];
  readonly dedupe: readonly string[];
  readonly table: readonly string[];
  /** Of two topologies. */
  readonly letters: readonly string[];
}

const UNAVAILABLE = 'reading: column large was not sent by Debezium (unchanged TOAST)';

export const expectedOf = (shape: ShapeName): Expected => {
  const truncates = shape === 'envelope';
  return {
    inserts: ['1 first', '2 second', '3 changed', '4 wide 9600', '8 moved 9600', '5 middle', '6 last', '6 last'],
    changes: [
      'snapshot 1 first', 'insert 2 second', 'update 2 changed', 'delete', 'insert 3 changed', 'delete', 'insert 4 wide 9600', 'insert 8 moved 9600', 'delete', 'insert 5 middle', ...(truncates ? ['truncate'] : []), 'insert 6 last', 'snapshot 6 last',
    ],
    upserts: ['upsert 1 first', 'upsert 2 second', 'upsert 2 changed', 'delete 2', 'upsert 3 changed', 'delete 1', 'upsert 4 wide 9600', 'upsert 8 moved 9600', 'delete 8', 'upsert 5 middle', 'upsert 6 last', 'upsert 6 last'],
    dedupe: ['r', 'c', 'u', 'd', 'c', 'd', 'c', 'c', 'd', 'c', ...(truncates ? ['t'] : []), 'c', 'r'],
    table: ['1 is not there', '2 is not there', '3 changed', '4 wider 9600', '5 middle', '8 is not there', '9 moved', truncates ? '5 is not there' : '5 middle', '6 last'],
    letters: [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, ...(truncates ? ['upserts(id): a truncate names no row'] : [])],
  };
};
