import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { artifactFile, cassandraJars } from '../artifacts.ts';
import { tcpProbe } from '../probe.ts';
import type { Service, ServiceContext } from '../service.ts';
import { toolPath } from '../tools.ts';

/** Of a single node, where nobody has named it otherwise. */
export const DATA_CENTER = 'datacenter1';

/** OPTIONS, protocol version 4: the shortest question; only a node that serves clients answers SUPPORTED. */
const OPTIONS_REQUEST = '\x04\x00\x00\x00\x05\x00\x00\x00\x00';
const SUPPORTED_ANSWER = '\x84\x00\x00\x00\x06';

/** Cassandra reaches into these packages of Java 17, as its own jvm17-server.options says. */
const EXPORTS = [
  'java.base/jdk.internal.misc', 'java.base/jdk.internal.ref', 'java.base/jdk.internal.reflect', 'java.base/sun.nio.ch', 'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry', 'java.rmi/sun.rmi.server', 'java.sql/java.sql', 'jdk.unsupported/sun.misc',
];
const OPENS = [
  'java.base/java.io', 'java.base/java.lang', 'java.base/java.lang.module', 'java.base/java.lang.reflect', 'java.base/java.nio', 'java.base/java.util', 'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic', 'java.base/jdk.internal.loader', 'java.base/jdk.internal.math', 'java.base/jdk.internal.misc', 'java.base/jdk.internal.module',
  'java.base/jdk.internal.ref', 'java.base/jdk.internal.reflect', 'java.base/jdk.internal.util.jar', 'java.base/sun.nio.ch', 'jdk.management/com.sun.management.internal', 'jdk.jfr/jdk.jfr.internal',
];

const moduleOptions = [...EXPORTS.map((name) => ['--add-exports', `${name}=ALL-UNNAMED`]), ...OPENS.map((name) => ['--add-opens', `${name}=ALL-UNNAMED`])].flat();

/** The node's `cassandra.yaml`: one node, sized for a laptop. */
export const cassandraYaml = (context: Pick<ServiceContext, 'port' | 'dataDir'>): string =>
  [
    'cluster_name: millrace',
    'num_tokens: 1',
    'partitioner: org.apache.cassandra.dht.Murmur3Partitioner',
    'endpoint_snitch: SimpleSnitch',
    'seed_provider:',
    '  - class_name: org.apache.cassandra.locator.SimpleSeedProvider',
    '    parameters:',
    `      - seeds: "127.0.0.1:${context.port('cassandra', 'storage')}"`,
    'listen_address: 127.0.0.1',
    'rpc_address: 127.0.0.1',
    `storage_port: ${context.port('cassandra', 'storage')}`,
    'start_native_transport: true',
    `native_transport_port: ${context.port('cassandra', 'client')}`,
    `data_file_directories: [${JSON.stringify(join(context.dataDir, 'data'))}]`,
    ...['commitlog', 'hints', 'saved_caches'].map((name) => `${name}_directory: ${JSON.stringify(join(context.dataDir, name))}`),
    `cdc_raw_directory: ${JSON.stringify(join(context.dataDir, 'cdc_raw'))}`,
    'commitlog_sync: periodic',
    'commitlog_sync_period: 1000ms',
    'hinted_handoff_enabled: false',
    'auto_snapshot: false',
    'memtable_heap_space: 96MiB',
    'memtable_offheap_space: 96MiB',
    'key_cache_size: 8MiB',
    'file_cache_size: 32MiB',
    'concurrent_reads: 8',
    'concurrent_writes: 8',
    'concurrent_compactors: 1',
    '',
  ].join('\n');

/** One node. An example asks for it; nothing else of the stack needs it. */
export const cassandra: Service = {
  name: 'cassandra',
  ports: { client: 9042, storage: 7000 },
  after: [],
  readyTimeoutMs: 120_000,
  stopSignal: 'SIGTERM',

  async install(context) {
    await cassandraJars(context);
  },

  async launch(context) {
    const config = join(context.dataDir, 'cassandra.yaml');
    const settings = cassandraYaml(context);
    await writeFile(config, settings);
    const properties = {
      'cassandra.config': `file://${config}`,
      'cassandra.storagedir': context.dataDir,
      'cassandra-foreground': 'yes',
      'cassandra.skip_wait_for_gossip_to_settle': '0',
      'cassandra.ring_delay_ms': '1',
      'logback.configurationFile': artifactFile('logback.xml'),
      'java.io.tmpdir': context.dataDir,
    };
    const options = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
    const memory = ['-Xms256m', '-Xmx512m', '-XX:MaxDirectMemorySize=128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    return {
      file: await toolPath('java'),
      args: [...memory, ...moduleOptions, ...options, '-cp', join(await cassandraJars(context), '*'), 'org.apache.cassandra.service.CassandraDaemon'],
      environment: {},
      folder: context.dataDir,
      settings,
    };
  },

  probe: (context) => tcpProbe(context.port('cassandra', 'client'), OPTIONS_REQUEST, SUPPORTED_ANSWER),
};
