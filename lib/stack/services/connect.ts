import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactFile, connectPlugins, kafkaJars } from '../artifacts.ts';
import { httpProbe } from '../probe.ts';
import type { Service, ServiceContext } from '../service.ts';
import { toolPath } from '../tools.ts';

/** The worker's properties; `plugins` is its plugin path. */
export const connectProperties = (context: Pick<ServiceContext, 'port'>, plugins: string): string =>
  [
    `bootstrap.servers=127.0.0.1:${context.port('kafka', 'client')}`,
    'group.id=millrace-connect',
    `listeners=http://127.0.0.1:${context.port('connect', 'rest')}`,
    'rest.advertised.host.name=127.0.0.1',
    `plugin.path=${plugins}`,
    'plugin.discovery=service_load',
    'key.converter=org.apache.kafka.connect.json.JsonConverter',
    'value.converter=org.apache.kafka.connect.json.JsonConverter',
    'config.storage.topic=millrace-connect-configs',
    'config.storage.replication.factor=1',
    'offset.storage.topic=millrace-connect-offsets',
    'offset.storage.replication.factor=1',
    'offset.storage.partitions=5',
    'status.storage.topic=millrace-connect-status',
    'status.storage.replication.factor=1',
    'status.storage.partitions=1',
    'exactly.once.source.support=enabled',
    'offset.flush.interval.ms=1000',
    'task.shutdown.graceful.timeout.ms=3000',
    'session.timeout.ms=6000',
    'heartbeat.interval.ms=2000',
    // A restarted worker gets its connectors at once instead of after five minutes.
    'scheduled.rebalance.max.delay.ms=0',
    'config.providers=env',
    'config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    '',
  ].join('\n');

/** One worker of Kafka Connect with Debezium's PostgreSQL connector and the Avro converter. */
/** What connector files refer to. Addresses of other services are left out: Connect would be started anew when one is added. */
const variablesOf = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('MILLRACE_') || /^MILLRACE_(PG|KAFKA|REGISTRY)_/.test(name)));

export const connect: Service = {
  name: 'connect',
  ports: { rest: 8083 },
  after: ['kafka', 'postgres', 'registry'],
  readyTimeoutMs: 120_000,
  stopSignal: 'SIGTERM',

  async install(context) {
    await connectPlugins(context);
  },

  async launch(context) {
    const config = join(context.dataDir, 'connect.properties');
    const settings = connectProperties(context, await connectPlugins(context));
    await writeFile(config, settings);
    const classPath = join(await kafkaJars(context), '*');
    const logging = `-Dlog4j2.configurationFile=${artifactFile('log4j2.xml')}`;
    return {
      file: await toolPath('java'),
      args: ['-Xms256m', '-Xmx512m', '-XX:+UseG1GC', logging, '-cp', classPath, 'org.apache.kafka.connect.cli.ConnectDistributed', config],
      environment: variablesOf(context.environment),
      settings,
    };
  },

  probe: (context) => httpProbe(`http://127.0.0.1:${context.port('connect', 'rest')}/health`),
};
