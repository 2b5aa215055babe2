import { ConfigurationError } from '../../core/errors.ts';
import { tcpProbe, httpProbe } from '../probe.ts';
import type { Service } from '../service.ts';

/** A server of the caller's own that is started, watched and stopped with the stack. */
export interface ExtraService {
  /** Lower-case letters, digits and dashes; also the name of its log and, in capitals, of its variable MILLRACE_<NAME>_URL. */
  readonly name: string;
  /** The program and its arguments. `{port}` in an argument becomes the port it was given. */
  readonly command: readonly [string, ...string[]];
  /** Preferred port. The one it was given is in the environment as PORT. */
  readonly port: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** A path that answers an HTTP GET in the 200s when it serves; without it an open port is enough. */
  readonly readyPath?: string;
  /** Working folder; the current one unless given. */
  readonly folder?: string;
}

const NAME = /^[a-z][a-z0-9-]*$/;
const ROLE = 'http';

export const extraService = (extra: ExtraService): Service => {
  if (!NAME.test(extra.name)) throw new ConfigurationError([`A service's name is made of lower-case letters, digits and dashes: ${JSON.stringify(extra.name)}`]);
  return {
    name: extra.name,
    ports: { [ROLE]: extra.port },
    after: [],
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGTERM',
    install: async () => {},
    launch: async (context) => {
      const port = String(context.port(extra.name, ROLE));
      const [file, ...args] = extra.command.map((part) => part.replaceAll('{port}', port));
      return { file: file!, args, environment: { ...extra.environment, PORT: port }, folder: extra.folder ?? process.cwd() };
    },
    probe: (context) => {
      const port = context.port(extra.name, ROLE);
      return extra.readyPath === undefined ? tcpProbe(port, '', '') : httpProbe(`http://127.0.0.1:${port}${extra.readyPath}`);
    },
  };
};
