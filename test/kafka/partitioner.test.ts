import { expect } from 'chai';
import { describe, it } from 'mocha';
import { murmur2, partitionOf } from '../../lib/kafka/partitioner.ts';

/** Values that Kafka's Java client gives (the table in its own UtilsTest). */
const JAVA: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partitioner', () => {
  for (const [key, hash] of JAVA) {
    it(`hashes ${key} as Java does`, () => {
      expect(murmur2(Buffer.from(key))).to.equal(hash);
    });
  }

  it('hashes views into larger buffers by their own bytes', () => {
    expect(murmur2(Buffer.from('xxfoobarxx').subarray(2, 8))).to.equal(-790332482);
  });

  it('takes the positive hash modulo the partitions', () => {
    // (-973932308 & 0x7fffffff) = 1173551340, (-790332482 & 0x7fffffff) = 1357151166, abc: 479470107
    expect(partitionOf(Buffer.from('21'), 10)).to.equal(0);
    expect(partitionOf(Buffer.from('foobar'), 10)).to.equal(6);
    expect(partitionOf(Buffer.from('abc'), 4)).to.equal(3);
  });
});
