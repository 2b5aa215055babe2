import { createRequire } from 'node:module';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { openCluster } from '../../lib/kafka/kafkajs/internals.ts';

const settings = { brokers: ['127.0.0.1:1'], clientId: 'shape', clock: systemClock, log: silentLogger, requestTimeoutMs: 1_000 };

/** What lib/kafka/kafkajs stands on and KafkaJS never promised. Where one of these fails, read the new version's source before anything else. */
describe('the shape of KafkaJS', () => {
  it('is version 2.2.4', () => {
    expect((createRequire(import.meta.url)('kafkajs/package.json') as { version: string }).version).to.equal('2.2.4');
  });

  it('hands its cluster to the assigner when a consumer is made', () => {
    const cluster = openCluster(settings);
    expect(cluster.connectionPoolBuilder.build).to.be.a('function');
    expect(cluster.brokerPool.createBroker).to.be.a('function');
    expect(cluster.findGroupCoordinator).to.be.a('function');
    expect(cluster.findTopicPartitionMetadata).to.be.a('function');
    expect(cluster).to.have.property('rootLogger');
  });

  it('makes brokers with two connections each, unconnected', async () => {
    const cluster = openCluster(settings);
    const connectionPool = await cluster.connectionPoolBuilder.build({ host: '127.0.0.1', port: 1 });
    expect([connectionPool.host, connectionPool.port]).to.deep.equal(['127.0.0.1', 1]);
    expect(connectionPool.pool).to.have.length(2);
    expect(connectionPool.getConnection).to.be.a('function');
    expect(connectionPool.destroy).to.be.a('function');
    for (const connection of connectionPool.pool) {
      expect(connection.isConnected()).to.equal(false);
      expect(connection.send).to.be.a('function');
      expect(connection.requestQueue.pending).to.deep.equal([]);
      expect(connection.requestQueue.scheduleCheckPendingRequests).to.be.a('function');
      expect(connection.requestQueue.rejectAll).to.be.a('function');
    }
    const broker = cluster.brokerPool.createBroker({ connectionPool, logger: cluster.rootLogger });
    expect(broker.connectionPool).to.equal(connectionPool);
    expect(broker.connect).to.be.a('function');
    expect(broker.syncGroup).to.be.a('function');
  });

  it('frames a request body that only has the two fields of its encoder', async () => {
    const frame = createRequire(import.meta.url)('kafkajs/src/protocol/request.js') as (request: unknown) => Promise<{ buffer: Buffer }>;
    const body = Buffer.from('body');
    const request = await frame({ correlationId: 7, clientId: 'me', request: { apiKey: 1, apiVersion: 11, encode: async () => ({ buf: body, buffer: body }) } });
    expect(request.buffer.toString('hex')).to.equal(`00000010${'0001'}${'000b'}${'00000007'}${'0002'}${Buffer.from('me').toString('hex')}${body.toString('hex')}`);
  });
});
