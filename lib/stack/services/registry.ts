import { join } from 'node:path';
import { registryApplication } from '../artifacts.ts';
import { httpProbe } from '../probe.ts';
import type { Service } from '../service.ts';
import { toolPath } from '../tools.ts';

const REQUEST_TIMEOUT_MS = 10_000;

const base = (port: number): string => `http://127.0.0.1:${port}/apis/ccompat/v7`;

/** The schema registry. Its database is a file: schema ids mean the same after a restart. */
export const registry: Service = {
  name: 'registry',
  ports: { rest: 8081 },
  after: [],
  readyTimeoutMs: 120_000,
  stopSignal: 'SIGTERM',

  async install(context) {
    await registryApplication(context);
  },

  async launch(context) {
    return {
      file: await toolPath('java'),
      args: [
        '-Xmx512m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Dquarkus.http.host=127.0.0.1',
        `-Dquarkus.http.port=${context.port('registry', 'rest')}`,
        '-Dapicurio.storage.kind=sql',
        '-Dapicurio.storage.sql.kind=h2',
        // Without WRITE_DELAY=0 a schema of the last half second is lost with a killed process, and its id is given again.
        `-Dapicurio.datasource.url=jdbc:h2:file:${join(context.dataDir, 'registry')};WRITE_DELAY=0`,
        '-jar',
        join(await registryApplication(context), 'apicurio-registry-app-3.0.9-runner.jar'),
      ],
      environment: {},
      folder: context.dataDir,
    };
  },

  probe: (context) => httpProbe(`${base(context.port('registry', 'rest'))}/subjects`),

  async initialise(context) {
    const response = await fetch(`${base(context.port('registry', 'rest'))}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ compatibility: 'BACKWARD' }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`The registry refuses the compatibility setting: ${response.status} ${await response.text()}`);
  },
};
