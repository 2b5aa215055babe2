/** dedupe's store under crashes and moves of its tasks: outputs and changelog are what they are without faults, by every seed. */
import { describe, it } from 'mocha';
import { debezium, dedupe, json, kafka, map, schema, stream, to, topology } from 'millrace/topology';
import { simulate, type Random, type SimulatedRecord } from 'millrace/testing';

interface Row { readonly id: number; readonly version: number }
const TOPIC = 'app.public.rows';
const SEEDS = 40;
const row = schema<Row>({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'int' }, { name: 'version', type: 'int' }] });
const rows = stream(TOPIC, debezium(row));

/** A log that is now and then sent again from a place some changes back. */
const repeating = function* (random: Random): Iterable<SimulatedRecord> {
  const log: SimulatedRecord[] = [];
  for (let version = 0; version < 60; version += 1) {
    const after = { id: random.below(6), version };
    const record = { to: TOPIC, key: String(after.id), value: { op: 'u' as const, after, source: { lsn: BigInt(1_000 + version) } } };
    log.push(record);
    yield record;
    if (random.chance(0.1)) yield* log.slice(-1 - random.below(15));
  }
};

describe('dedupe, simulated', function () {
  this.timeout(60_000);
  const deduped = (events: number) => topology('deduped', rows.pipe(dedupe('seen', { events }), map(({ after }) => `${after!.id} ${after!.version}`), to('clean', kafka('clean', json<string>()))));

  for (const events of [100, 7]) {
    it(`does as in one process without faults, with room for ${events} changes, by ${SEEDS} seeds`, async () => {
      for (let seed = 0; seed < SEEDS; seed += 1) await simulate(deduped(events), { seed, records: repeating });
    });
  }

});
