import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { StopError } from '../../../lib/core/errors.ts';
import { decode, plain, offsets, encode, at, by, values, marker, texts, packed } from './record-batches.ts';

describe('reading record batches', () => {
  it('leaves out the records below the asked offset of the batch that holds it', () => {
    const read = decode(at(values('a', 'b', 'c'), 10), { askedOffset: 12 });
    expect([texts(read), offsets(read), read.nextOffset]).to.deep.equal([['c'], [12], 13]);
  });

  it('stops before a batch that is cut at the end', () => {
    const whole = at(values('a', 'b'), 0);
    const next = at(values('c'), 2);
    for (const cut of [1, 11, 16, 17, 40, next.length - 1]) {
      const read = decode(Buffer.concat([whole, next.subarray(0, cut)]));
      expect([texts(read), read.nextOffset]).to.deep.equal([['a', 'b'], 2]);
    }
  });

  it('steps over an empty batch that compaction left, by what its header says', () => {
    const hollow = at(encode([{}])[0]!.subarray(0, 61), 5);
    hollow.writeInt32BE(61 - 12, 8);
    hollow.writeInt32BE(9, 23);
    hollow.writeInt32BE(0, 57);
    const read = decode(hollow, { askedOffset: 7 });
    expect([read.count, read.nextOffset]).to.deep.equal([0, 15]);
  });

  it('shows neither markers nor aborted records, for several transactions of one producer', () => {
    const log = Buffer.concat([
      at(by(values('a0', 'a1'), 7), 0),
      at(by(values('kept'), 8), 2),
      marker(7, 3),
      at(by(values('b0'), 7), 4),
      marker(7, 5),
      at(by(values('c0'), 7), 6),
      marker(7, 7),
    ]);
    const read = decode(log, { aborted: [{ producerId: 7, firstOffset: 6 }, { producerId: 7, firstOffset: 0 }] });
    expect([texts(read), offsets(read), read.nextOffset]).to.deep.equal([['kept', 'b0'], [2, 4], 8]);
  });

  it('drops aborted records whose transaction began before this fetch and whose marker lies behind it', () => {
    const log = Buffer.concat([at(by(values('aborted'), 7), 50), at(by(values('kept'), 9), 51)]);
    const read = decode(log, { askedOffset: 50, aborted: [{ producerId: 7, firstOffset: 12 }] });
    expect([texts(read), read.nextOffset]).to.deep.equal([['kept'], 52]);
  });

  it('shows what an aborting producer wrote outside transactions', () => {
    const outside = at(by(values('plain'), 7), 1);
    outside.writeInt16BE(0, 21);
    expect(texts(decode(outside, { aborted: [{ producerId: 7, firstOffset: 0 }] }))).to.deep.equal(['plain']);
  });

  it("gives the broker's time to records of a topic with LogAppendTime", () => {
    const stamped = encode([{ timestamp: 5 }, { timestamp: 9 }])[0]!;
    stamped.writeInt16BE(0x18, 21);
    stamped.writeBigInt64BE(777n, 35);
    expect(plain(decode(stamped)).map(({ timestamp }) => timestamp)).to.deep.equal([777, 777]);
  });

  it('reads packed and plain batches side by side', () => {
    const log = Buffer.concat([
      at(values('plain'), 0),
      at(packed(values('g0', 'g1'), 1, (bytes) => gzipSync(bytes)), 1),
      at(packed(values('z'), 4, (bytes) => zstdCompressSync(bytes)), 3),
    ]);
    expect([texts(decode(log)), offsets(decode(log))]).to.deep.equal([['plain', 'g0', 'g1', 'z'], [0, 1, 2, 3]]);
  });

  for (const [codec, name] of [[2, 'snappy'], [3, 'lz4']] as const) {
    it(`names topic and codec when a batch is packed with ${name}`, () => {
      const log = packed(values('x'), codec, (bytes) => bytes);
      expect(() => decode(log, { topic: 'orders' })).to.throw(StopError, new RegExp(`orders.*${name}`));
    });
  }

  it('refuses messages in the old format', () => {
    const old = at(values('x'), 0);
    old[16] = 1;
    expect(() => decode(old)).to.throw(StopError, /old format v1/);
  });

  it('refuses a batch whose records do not fit their lengths', () => {
    const longer = values('x');
    longer[61] = 0x7e;
    expect(() => decode(longer)).to.throw(StopError, /contradicts itself/);
    const more = values('x');
    more.writeInt32BE(1_000_000, 57);
    expect(() => decode(more)).to.throw(StopError, /contradicts itself/);
  });
});
