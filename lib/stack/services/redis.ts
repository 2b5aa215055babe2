import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../../core/errors.ts';
import { installed, type InstallContext } from '../cache.ts';
import { runCommand } from '../command.ts';
import { tcpProbe } from '../probe.ts';
import { onPath } from '../requirements.mjs';
import type { Service } from '../service.ts';

const HINT = process.platform === 'darwin' ? 'brew install redis' : 'apt-get install -y redis-tools redis-server';

/**
 * Debian's redis-tools carries the server's program under another name (which of its jobs it does depends on the name it
 * is called by), and unlike redis-server it brings no service that would start on port 6379.
 */
const DEBIAN_PROGRAM = '/usr/bin/redis-check-rdb';

const aptInstall = async (context: InstallContext): Promise<void> => {
  const apt = onPath('apt-get');
  const sudo = onPath('sudo');
  if (apt === undefined) throw new Error('this system has no apt-get');
  const prefix = process.getuid?.() === 0 ? [] : sudo === undefined ? undefined : [sudo, '-n'];
  if (prefix === undefined) throw new Error('only root may install packages here');
  const run = (args: readonly string[]): Promise<string> => {
    const [file, ...rest] = [...prefix, apt, ...args];
    return runCommand(file!, rest, { environment: { DEBIAN_FRONTEND: 'noninteractive' }, signal: context.signal });
  };
  const install = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', 'redis-tools'];
  context.progress('installing redis-tools');
  await run(install).catch(async () => {
    context.progress('apt-get update');
    await run(['update', '-q']);
    await run(install);
  });
};

const linkServer = async (context: InstallContext): Promise<string> => {
  const folder = await installed(context, 'redis', async (unfinished) => {
    if (!existsSync(DEBIAN_PROGRAM)) await aptInstall(context);
    await mkdir(unfinished, { recursive: true });
    const link = join(unfinished, 'redis-server');
    await symlink(DEBIAN_PROGRAM, link);
    const version = await runCommand(link, ['--version'], { signal: context.signal });
    if (!version.startsWith('Redis server')) throw new Error(`${DEBIAN_PROGRAM} is not the server`);
  });
  return join(folder, 'redis-server');
};

const redisServer = async (context: InstallContext): Promise<string> => {
  const found = process.env.MILLRACE_REDIS ?? onPath('redis-server');
  if (found !== undefined) return found;
  try {
    return await linkServer(context);
  } catch (error) {
    if (context.signal.aborted) throw error;
    throw new ConfigurationError([`Redis (redis-server) is missing and could not be installed: ${(error as Error).message}. Install it with: ${HINT}`], { cause: error });
  }
};

export const redis: Service = {
  name: 'redis',
  ports: { client: 6379 },
  after: [],
  readyTimeoutMs: 30_000,
  stopSignal: 'SIGTERM',

  async install(context) {
    await redisServer(context);
  },

  async launch(context) {
    const settings = { bind: '127.0.0.1', port: String(context.port('redis', 'client')), dir: context.dataDir, appendonly: 'yes', save: '', daemonize: 'no' };
    return {
      file: await redisServer(context),
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      environment: {},
    };
  },

  probe: (context) => tcpProbe(context.port('redis', 'client'), 'PING\r\n', '+PONG'),
};
