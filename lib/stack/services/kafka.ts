import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactFile, kafkaJars } from '../artifacts.ts';
import { runCommand } from '../command.ts';
import { tcpProbe } from '../probe.ts';
import type { Service, ServiceContext } from '../service.ts';
import { toolPath } from '../tools.ts';

/** ApiVersions, version 0, correlation id 7, no client id: the shortest question that only a serving broker answers. */
const API_VERSIONS_REQUEST = '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff';
/** The answer begins with its length, which is below 64 KB. */
const API_VERSIONS_ANSWER = '\x00\x00';

/** The broker's `server.properties`. */
export const brokerProperties = (context: Pick<ServiceContext, 'port' | 'dataDir'>): string => {
  const client = context.port('kafka', 'client');
  const controller = context.port('kafka', 'controller');
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${client}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(context.dataDir, 'log')}`,
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=10',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=10',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    'num.network.threads=2',
    'num.io.threads=4',
    'log.cleaner.backoff.ms=1000',
    'log.cleaner.dedupe.buffer.size=33554432',
    '',
  ].join('\n');
};

/** The broker and its controller in one process (KRaft). */
export const kafka: Service = {
  name: 'kafka',
  ports: { client: 9092, controller: 9093 },
  after: [],
  readyTimeoutMs: 60_000,
  stopSignal: 'SIGTERM',

  async install(context) {
    await kafkaJars(context);
  },

  async launch(context) {
    const java = await toolPath('java');
    const classPath = join(await kafkaJars(context), '*');
    const config = join(context.dataDir, 'server.properties');
    const settings = brokerProperties(context);
    await writeFile(config, settings);
    const logging = `-Dlog4j2.configurationFile=${artifactFile('log4j2.xml')}`;
    if (!existsSync(join(context.dataDir, 'log', 'meta.properties'))) {
      // Kafka's form of an id is base64url; one that begins with '-' would be read as an option.
      const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url').replace(/^-/, 'A');
      const args = ['-XX:TieredStopAtLevel=1', logging, '-cp', classPath, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config];
      await runCommand(java, args, { signal: context.signal });
    }
    return {
      file: java,
      args: ['-Xms256m', '-Xmx512m', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20', logging, '-cp', classPath, 'kafka.Kafka', config],
      environment: {},
      settings,
    };
  },

  probe: (context) => tcpProbe(context.port('kafka', 'client'), API_VERSIONS_REQUEST, API_VERSIONS_ANSWER),
};
