/** A few rounds of the faults that `npm run faults` makes in full, with the same code. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { commitReply } from '../faults/commit-reply.ts';
import type { Fault } from '../faults/fault.ts';
import { sharedGround } from '../faults/ground.ts';
import { killOne } from '../faults/kill-one.ts';
import { onDisk } from '../faults/on-disk.ts';
import { redisRewind } from '../faults/redis-rewind.ts';
import { runFault } from '../faults/run.ts';

const SEED = 20_260;
/** Far above what a quiet machine needs. */
const LONGEST_RESUME_S = 40;

const short: readonly (readonly [fault: Fault, rounds: number])[] = [[onDisk(killOne, 2), 2], [commitReply, 5], [redisRewind, 1]];

describe('a join, a state and four kinds of sinks under load', function () {
  this.timeout(240_000);

  for (const [fault, rounds] of short) {
    it(`lose and double nothing: ${fault.title}`, async () => {
      const result = await runFault(fault, sharedGround(), { rounds, seed: SEED });
      expect(result.failures).to.deep.equal([]);
      expect({ lost: result.lost, duplicated: result.duplicated }).to.deep.equal({ lost: 0, duplicated: 0 });
      expect(result.events).to.be.above(1_000);
      expect(result.proofs.length).to.be.above(0);
      for (const seconds of result.resumeS) expect(seconds).to.be.within(0, LONGEST_RESUME_S);
    });
  }
});
