import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { copyJars, unpackArchive, type Archive } from './maven.ts';
import { digest, installed, type InstallContext } from './cache.ts';

const FOLDER = join(import.meta.dirname, 'artifacts');

/** A file that lies beside the code. */
export const artifactFile = (name: string): string => join(FOLDER, name);

const REGISTRY: Archive = {
  coordinates: 'io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all',
  sha256: '2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43',
};
const DEBEZIUM: Archive = {
  coordinates: 'io.debezium:debezium-connector-postgres:3.7.0.Final:tar.gz:plugin',
  sha256: '660673cbabd2f269da21409208ebd0f0d9977bd92e824fc9daa272f240e88e51',
};
const CONVERTER: Archive = {
  coordinates: 'io.apicurio:apicurio-registry-distro-connect-converter:2.5.11.Final:tar.gz',
  sha256: '7c79f5486876e37c11a68c57b7ddfe69e393e0655a7300fc4bba1be390a439c0',
};

/** The converter brings these along in versions that clash with Connect's own. */
export const CLASHING_JARS = /^(jackson-(core|annotations|databind|datatype-jdk8)|kafka-clients|connect-.*|slf4j-api)-\d/;

/** The jars of the broker and of Connect. */
export const kafkaJars = async (context: InstallContext): Promise<string> => {
  const list = artifactFile('kafka-jars.sha256');
  const name = `kafka-${digest(await readFile(list, 'utf8'))}`;
  return installed(context, name, (folder) => copyJars(context, artifactFile('kafka-pom.xml'), list, folder));
};

const archiveFolder = (context: InstallContext, name: string, archive: Archive): Promise<string> =>
  installed(context, `${name}-${archive.sha256.slice(0, 12)}`, (folder) => unpackArchive(context, archive, folder));

export const registryApplication = (context: InstallContext): Promise<string> => archiveFolder(context, 'registry', REGISTRY);
export const debeziumPlugin = (context: InstallContext): Promise<string> => archiveFolder(context, 'debezium', DEBEZIUM);
export const avroConverter = (context: InstallContext): Promise<string> => archiveFolder(context, 'converter', CONVERTER);
