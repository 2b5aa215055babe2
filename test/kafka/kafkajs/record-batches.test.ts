import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { EncodedOutput } from '../../../lib/kafka/kafkajs/batch-encoder.ts';
import { OWNER, decode, plain, offsets, fromHex, encode, at } from './record-batches.ts';

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
});
