import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { StopError } from '../../../lib/core/errors.ts';
import { EncodedOutput } from '../../../lib/kafka/kafkajs/batch-encoder.ts';
import { RecordColumns, type PartitionData } from '../../../lib/kafka/kafkajs/batch-decoder.ts';
import type { FetchedBatch, RecordHeaders } from '../../../lib/kafka/port.ts';

const OWNER = { producerId: 4_000, epoch: 3 };

interface Plain {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers: RecordHeaders;
}

const decode = (records: Buffer, options: Partial<PartitionData> = {}): FetchedBatch =>
  new RecordColumns({ topic: 't', partition: 0, askedOffset: 0, highWatermark: 1_000, lastStableOffset: 1_000, aborted: [], records, ...options });

const plain = (batch: FetchedBatch): Plain[] =>
  Array.from({ length: batch.count }, (_, i) => ({ key: batch.key(i), value: batch.value(i), timestamp: batch.timestamp(i), headers: batch.headers(i) }));

const offsets = (batch: FetchedBatch): number[] => Array.from({ length: batch.count }, (_, i) => batch.offset(i));

const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** Encodes as one producer would, and puts the batches one behind the other as the log would. */
const encode = (records: readonly Partial<Plain>[], maxBatchBytes = 1_000_000): Buffer[] => {
  const output = new EncodedOutput(maxBatchBytes);
  for (const { key = null, value = null, timestamp = 0, headers = [] } of records) output.append('t', 0, key, value, timestamp, headers);
  return [...output.partitions()].flatMap((partition) => {
    let sequence = 0;
    return partition.batches().map((batch) => {
      const bytes = Buffer.from(partition.stamp(batch, OWNER, sequence));
      sequence += batch.count;
      return bytes;
    });
  });
};

const at = (batch: Buffer, baseOffset: number): Buffer => {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(baseOffset), 0);
  return copy;
};

const by = (batch: Buffer, producerId: number): Buffer => {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(producerId), 43);
  return copy;
};

const values = (...texts: string[]): Buffer => encode(texts.map((text) => ({ value: Buffer.from(text) })))[0]!;

/** A transaction's end as the broker writes it: version and type in the key, version and coordinator epoch in the value. */
const marker = (producerId: number, baseOffset: number): Buffer => {
  const batch = by(at(encode([{ key: fromHex('00000000'), value: fromHex('000000000000') }])[0]!, baseOffset), producerId);
  batch.writeInt16BE(0x30, 21);
  return batch;
};

const texts = (batch: FetchedBatch): (string | undefined)[] => plain(batch).map(({ value }) => value?.toString());

/** The same batch with its records packed. */
const packed = (batch: Buffer, codec: number, pack: (bytes: Buffer) => Buffer): Buffer => {
  const result = Buffer.concat([batch.subarray(0, 61), pack(batch.subarray(61))]);
  result.writeInt32BE(result.length - 12, 8);
  result.writeInt16BE(batch.readInt16BE(21) | codec, 21);
  return result;
};

describe('record batches', () => {
  describe('written by others', () => {
    it('reads what KafkaJS wrote and the broker stored', () => {
      const batch = decode(
        fromHex(
          '0000000000000000000000750000000002e0e19e0c0000000000020000018bcfe568000000018bcfe9fbe0ffffffffffffffff000000000000000000034a0000000a6b65792d311276616c7565206f6e65040a7472616365066162630a656d707479002000f403020112c3bc6ec3af636f6465001800c0cf240408676f6e650100',
        ),
      );
      expect(plain(batch)).to.deep.equal([
        { key: Buffer.from('key-1'), value: Buffer.from('value one'), timestamp: 1_700_000_000_000, headers: [['trace', Buffer.from('abc')], ['empty', Buffer.alloc(0)]] },
        { key: null, value: Buffer.from('ünïcode'), timestamp: 1_700_000_000_250, headers: [] },
        { key: Buffer.from('gone'), value: null, timestamp: 1_700_000_300_000, headers: [] },
      ]);
      expect(batch.nextOffset).to.equal(3);
    });

    it('reads gzip as KafkaJS packs it', () => {
      const batch = decode(
        fromHex(
          '00000000000000000000005a0000000002e0f42aa40001000000010000018bcfe568000000018bcfe56801ffffffffffffffff000000000000000000021f8b08000000000000038b636060604a0ca8201230c43130313125055412091800bb91bada60000000',
        ),
      );
      expect(plain(batch).map(({ key, value }) => [key?.toString(), value?.toString()])).to.deep.equal([
        ['a', 'x'.repeat(40)],
        ['b', 'y'.repeat(40)],
      ]);
    });

    it("reads zstd as Java's producer packs it", () => {
      const batch = decode(
        fromHex(
          '00000000000000000000004d0000000002310b0534000400000000000001a20370709f000001a20370709f00000000000000020000000000000000000128b52ffd0058840000504c000000046b313c7a000100373802010000',
        ),
      );
      expect(batch.count).to.equal(1);
      expect(plain(batch).map(({ key, value }) => [key?.toString(), value?.toString()])).to.deep.equal([['k1', 'z'.repeat(30)]]);
    });
  });

  describe('round trip', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)));
    const record = fc.record({
      key: bytes,
      value: bytes,
      timestamp: fc.oneof(fc.integer({ min: -1, max: 2_000_000_000 }), fc.integer({ min: -1, max: 8_640_000_000_000_000 })),
      headers: fc.array(fc.tuple(fc.string({ maxLength: 20 }), bytes), { maxLength: 3 }),
    });

    it('gives back every key, value, time and header, however the records are cut into batches', () => {
      fc.assert(
        fc.property(fc.array(record, { minLength: 1, maxLength: 40 }), fc.integer({ min: 100, max: 5_000 }), (records, limit) => {
          let offset = 0;
          const log = encode(records, limit).map((batch) => {
            const placed = at(batch, offset);
            offset += batch.readInt32BE(57);
            return placed;
          });
          const read = decode(Buffer.concat(log));
          expect(plain(read)).to.deep.equal(records.map(({ key, value, timestamp, headers }) => ({ key, value, timestamp, headers: headers.map(([name, content]) => [name, content]) })));
          expect(offsets(read)).to.deep.equal(records.map((_, i) => i));
          expect(read.nextOffset).to.equal(records.length);
        }),
      );
    });

    it('keeps strings as UTF-8', () => {
      const output = new EncodedOutput(1_000);
      output.append('t', 0, 'schlüssel', 'wert €', 5);
      const [partition] = output.partitions();
      const read = decode(partition!.stamp(partition!.batches()[0]!, OWNER, 0));
      expect([read.key(0)!.toString(), read.value(0)!.toString()]).to.deep.equal(['schlüssel', 'wert €']);
    });
  });

  describe('writing', () => {
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

  describe('reading', () => {
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
});
