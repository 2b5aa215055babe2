import { RetryError } from '../core/errors.ts';
import type { Position } from './port.ts';

/**
 * The log no longer holds (or never held) these offsets: retention, a purge or a recreated topic took them away.
 * Asking again for the same offsets cannot succeed; the caller decides where to go on.
 */
export class OffsetOutOfRangeError extends RetryError {
  /** The positions that were asked for and are not in the log. */
  readonly positions: readonly Position[];
  constructor(positions: readonly Position[]) {
    const first = positions[0];
    super(
      positions.length === 1 ? 'The log does not hold the offset asked for' : `The log does not hold the offsets asked for in ${positions.length} partitions`,
      first === undefined ? {} : { where: { topic: first.topic, partition: first.partition, offset: first.offset } },
    );
    this.positions = positions;
  }
}
