/** Who refused a record: a breaker learns from what the outside system has said, and from nothing else. */
import { expect } from 'chai';
import type { Table } from '@google-cloud/bigquery';
import cassandraDriver from 'cassandra-driver';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { BigQueryWriter } from '../../lib/sinks/bigquery/writer.ts';
import { CassandraWriter, type CassandraCalls } from '../../lib/sinks/cassandra/writer.ts';
import type { SinkContext, SinkRecord, SinkWriter } from '../../lib/sinks/contract.ts';
import { writeScript } from '../../lib/sinks/redis/scripts.ts';
import { claim, type RedisCalls } from '../../lib/sinks/redis/writer.ts';
import { bigquery } from '../../topology/sinks/bigquery.ts';
import { cassandra } from '../../topology/sinks/cassandra.ts';
import { redis } from '../../topology/sinks/redis.ts';
import type { BigQuerySink, CassandraSink, RedisSink } from '../../topology/sinks.ts';

const context: SinkContext = { app: 'tests', sink: 'sink', clock: systemClock, log: silentLogger, timeoutMs: 5_000 };
const task = { partitions: [{ topic: 't', partition: 0 }], owner: { producerId: 1, epoch: 0 } };
const records = ['throws', 'unfit', 'good', 'bad'].map((value, offset): SinkRecord => ({ value, key: null, timestamp: 1, headers: [], topic: 't', partition: 0, offset, now: 0 }));
const fieldsOf = (value: string): { readonly n: number } => {
  if (value === 'throws') throw new Error('on purpose');
  return { n: value === 'unfit' ? 0.5 : value === 'bad' ? 2 : 1 };
};
const BAD = '2';

/** Each on a system that takes everything but the value 2. */
const writers: Readonly<Record<string, () => SinkWriter | Promise<SinkWriter>>> = {
  redis: () => {
    const call = (_command: string, args: readonly string[]): Promise<readonly unknown[]> => {
      if (args[0] !== writeScript.sha) return Promise.resolve(['OK', 1, -1]);
      return Promise.resolve(['OK', 2, 'WRONGTYPE']);
    };
    const sink = redis.increment<string, unknown>({ key: 'k', fields: fieldsOf }) as RedisSink;
    return claim({ call } as unknown as RedisCalls, sink, { task, script: writeScript, keyOf: () => 'fence' });
  },
  bigquery: () => {
    const request = ({ body }: { readonly body: string }): Promise<unknown> => {
      const rows = (JSON.parse(body) as { readonly rows: readonly { readonly json: { readonly n: string } }[] }).rows;
      const insertErrors = rows.flatMap(({ json }, index) => (json.n === BAD ? [{ index, errors: [{ reason: 'invalid', message: 'no' }] }] : []));
      return Promise.resolve([{ insertErrors }]);
    };
    const sink = bigquery({ table: 'd.t', columns: { n: 'INT64' }, row: fieldsOf, id: (value: string) => value }) as unknown as BigQuerySink;
    return new BigQueryWriter(sink, { request } as unknown as Table, context, task, { open: () => Promise.resolve(), forget: () => {} });
  },
  cassandra: () => {
    const { errors, types } = cassandraDriver;
    const ask = (params: readonly unknown[]): Promise<never> => {
      if (!params.some((param) => String(param) === BAD)) return Promise.resolve(undefined as never);
      return Promise.reject(Object.assign(Object.create(errors.ResponseError.prototype) as Error, { message: 'no', code: types.responseErrorCodes.invalid }));
    };
    const calls = {
      execute: (_query: string, params: readonly unknown[]) => ask(params),
      batch: (queries: readonly { readonly params: readonly unknown[] }[]) => ask(queries.flatMap(({ params }) => params)),
    } as unknown as CassandraCalls;
    const sink = cassandra({ table: 'k.t', columns: { id: 'text', n: 'int' }, partitionKey: ['id'], key: (value: string) => ({ id: value }), set: fieldsOf }) as unknown as CassandraSink;
    return new CassandraWriter(sink, calls, context, task, () => Promise.resolve());
  },
};

for (const [name, make] of Object.entries(writers)) {
  describe(`a record that ${name} is not even asked about`, () => {
    it('is refused by the writer, and one that it is asked about by the system', async () => {
      const { refused, retry } = await (await make()).write(records, new AbortController().signal);
      expect(refused.map(({ index, by }) => [index, by])).deep.equal([[0, 'writer'], [1, 'writer'], [3, 'system']]);
      expect(retry).deep.equal([]);
    });
  });
}
