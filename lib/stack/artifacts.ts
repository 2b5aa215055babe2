import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digest, installed, type InstallContext } from './cache.ts';
import { runCommand } from './command.ts';
import { copyJars, unpackArchive, type Archive } from './maven.ts';
import { toolPath } from './tools.ts';

const FOLDER = join(import.meta.dirname, 'artifacts');

/** A file that lies beside the code. */
export const artifactFile = (name: string): string => join(FOLDER, name);

export const REGISTRY: Archive = {
  coordinates: 'io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all',
  sha256: '2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43',
};
export const DEBEZIUM: Archive = {
  coordinates: 'io.debezium:debezium-connector-postgres:3.7.0.Final:tar.gz:plugin',
  sha256: '660673cbabd2f269da21409208ebd0f0d9977bd92e824fc9daa272f240e88e51',
};
export const CONVERTER: Archive = {
  coordinates: 'io.apicurio:apicurio-registry-distro-connect-converter:2.5.11.Final:tar.gz',
  sha256: '7c79f5486876e37c11a68c57b7ddfe69e393e0655a7300fc4bba1be390a439c0',
};

/** The converter brings these along in versions that clash with Connect's own. */
export const CLASHING_JARS = /^(jackson-(core|annotations|databind|datatype-jdk8)|kafka-clients|connect-.*|slf4j-api)-\d/;

const jarsOf = async (context: InstallContext, product: string): Promise<string> => {
  const list = artifactFile(`${product}-jars.sha256`);
  const name = `${product}-${digest(await readFile(list, 'utf8'))}`;
  return installed(context, name, (folder) => copyJars(context, artifactFile(`${product}-pom.xml`), list, folder));
};

/** The jars of the broker and of Connect. */
export const kafkaJars = (context: InstallContext): Promise<string> => jarsOf(context, 'kafka');

export const cassandraJars = (context: InstallContext): Promise<string> => jarsOf(context, 'cassandra');

export const registryApplication = (context: InstallContext): Promise<string> =>
  installed(context, `registry-${digest(REGISTRY.sha256)}`, (folder) => unpackArchive(context, REGISTRY, folder));

/** A plugin path for Connect, each plugin in a folder of its own. */
export const connectPlugins = async (context: InstallContext): Promise<string> => {
  const jars = await kafkaJars(context);
  return installed(context, `connect-plugins-${digest(`${DEBEZIUM.sha256} ${CONVERTER.sha256}`)}`, async (folder) => {
    const converter = join(folder, 'avro-converter');
    await unpackArchive(context, DEBEZIUM, folder);
    await unpackArchive(context, CONVERTER, converter);
    for (const name of await readdir(converter)) if (CLASHING_JARS.test(name)) await rm(join(converter, name));
    // The converter does not declare its classes; with a declaration Connect starts without looking into every class.
    context.progress('declaring plugins');
    const declare = ['org.apache.kafka.tools.ConnectPluginPath', 'sync-manifests', '--plugin-path', folder];
    await runCommand(await toolPath('java'), ['-XX:TieredStopAtLevel=1', '-cp', join(jars, '*'), ...declare], { signal: context.signal });
  });
};
