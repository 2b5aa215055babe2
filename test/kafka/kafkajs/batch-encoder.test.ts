import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { StopError } from '../../../lib/core/errors.ts';
import { EncodedOutput } from '../../../lib/kafka/kafkajs/batch-encoder.ts';
import { OWNER, decode, plain, encode } from './record-batches.ts';

describe('writing record batches', () => {
  it('fills the header as the protocol says', () => {
    const [batch] = encode([
      { value: Buffer.from('a'), timestamp: 2_000 },
      { value: Buffer.from('b'), timestamp: 1_000 },
      { value: Buffer.from('c'), timestamp: 3_000 },
    ]);
    expect(batch!.readInt32BE(8)).to.equal(batch!.length - 12);
    expect(batch![16]).to.equal(2);
    expect(batch!.readInt16BE(21)).to.equal(0x10);
    expect(batch!.readInt32BE(23)).to.equal(2);
    expect(Number(batch!.readBigInt64BE(27))).to.equal(2_000);
    expect(Number(batch!.readBigInt64BE(35))).to.equal(3_000);
    expect(Number(batch!.readBigInt64BE(43))).to.equal(4_000);
    expect(batch!.readInt16BE(51)).to.equal(3);
    expect(batch!.readInt32BE(57)).to.equal(3);
  });

  it('keeps every batch below the limit, except a single larger record', () => {
    const sizes = [10, 200, 2_000, 20, 400, 400, 400];
    const batches = encode(sizes.map((size) => ({ value: Buffer.alloc(size) })), 1_000);
    for (const batch of batches) if (batch.readInt32BE(57) > 1) expect(batch.length).to.be.at.most(1_000);
    expect(batches.map((batch) => batch.readInt32BE(57))).to.deep.equal([2, 1, 3, 1]);
  });

  it('numbers the records of each batch on from the one before', () => {
    const batches = encode(Array.from({ length: 5 }, () => ({ value: Buffer.alloc(400) })), 1_000);
    expect(batches.map((batch) => batch.readInt32BE(53))).to.deep.equal([0, 2, 4]);
  });

  it('closes batches of a topic that takes less where that topic says', () => {
    const output = new EncodedOutput(1_000, new Map(), new Map([['small', 500], ['large', 2_000]]));
    for (const topic of ['small', 'large']) for (let i = 0; i < 4; i += 1) output.append(topic, 0, null, Buffer.alloc(300), 1);
    expect([...output.partitions()].map((partition) => partition.batches().map(({ count }) => count))).to.deep.equal([[1, 1, 1, 1], [3, 1]]);
  });

  it('takes back everything since begin, in all partitions and across batches', () => {
    const output = new EncodedOutput(500);
    output.begin();
    output.append('t', 0, 'keep', 'a'.repeat(100), 1);
    output.begin();
    for (let i = 0; i < 20; i += 1) output.append('t', 0, 'drop', 'b'.repeat(100), 9);
    output.append('u', 3, 'drop', 'c', 9);
    output.rollback();
    output.begin();
    output.append('t', 0, 'keep too', 'd', 2);
    expect(output.count).to.equal(2);
    const partitions = [...output.partitions()];
    expect(partitions.map(({ topic }) => topic)).to.deep.equal(['t']);
    const [batch] = partitions[0]!.batches();
    const read = decode(partitions[0]!.stamp(batch!, OWNER, 0));
    expect(plain(read).map(({ key, timestamp }) => [key!.toString(), timestamp])).to.deep.equal([
      ['keep', 1],
      ['keep too', 2],
    ]);
  });

  it('behaves after a rollback as if nothing had been appended', () => {
    const operations = fc.array(fc.record({ partition: fc.nat(2), size: fc.nat(300), kept: fc.boolean() }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 5 }), (groups) => {
        const [tried, clean] = [new EncodedOutput(600), new EncodedOutput(600)];
        for (const group of groups) {
          tried.begin();
          const kept = group[0]?.kept ?? true;
          for (const { partition, size } of group) {
            tried.append('t', partition, null, 'x'.repeat(size), size);
            if (kept) clean.append('t', partition, null, 'x'.repeat(size), size);
          }
          if (!kept) tried.rollback();
        }
        const bytes = (output: EncodedOutput) => [...output.partitions()].toSorted((a, b) => a.partition - b.partition).map((p) => p.batches().map((batch) => p.stamp(batch, OWNER, 0).toString('hex')));
        expect(tried.count).to.equal(clean.count);
        expect(tried.byteLength).to.equal(clean.byteLength);
        expect(bytes(tried)).to.deep.equal(bytes(clean));
      }),
    );
  });

  it('refuses records after the batch is sent, and a rollback without begin', () => {
    const output = new EncodedOutput(500);
    expect(() => output.rollback()).to.throw(StopError, /begin/);
    output.seal();
    expect(() => output.append('t', 0, null, null, 0)).to.throw(StopError, /already sent/);
    expect(() => output.seal()).to.throw(StopError, /twice/);
  });
});
