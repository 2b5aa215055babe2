import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { digest } from '../cache.ts';
import { runCommand } from '../command.ts';
import type { OsUser } from '../process.ts';
import { siblingOf } from '../requirements.mjs';
import type { Service, ServiceContext } from '../service.ts';
import { toolPath } from '../tools.ts';

export const ADMIN = 'postgres';
/** The pipeline's role and its database. */
export const PIPELINE_ROLE = 'millrace';
export const PIPELINE_DATABASE = 'millrace';

/** Settings that do not depend on where the server runs. */
export const SERVER_SETTINGS = { wal_level: 'logical', max_replication_slots: 20, max_wal_senders: 20, max_connections: 200, max_wal_size: '4GB', timezone: 'UTC' } as const;

const USER_CANDIDATES = ['postgres', 'nobody'];
const STATEMENT_TIMEOUT_MS = 10_000;

/** PostgreSQL refuses to run as root; then it runs as the first of these users that exists. */
const serverUser = async (): Promise<OsUser | undefined> => {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of USER_CANDIDATES) {
    const account = accounts.find(([accountName]) => accountName === name);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Error(`PostgreSQL does not run as root and none of the users ${USER_CANDIDATES.join(', ')} exists`);
};

const mayUse = async (folder: string, user: OsUser): Promise<boolean> => {
  try {
    await runCommand('/bin/sh', ['-c', 'cd "$0" && test -r . && test -w .', folder], { user, folder: '/' });
    return true;
  } catch {
    return false;
  }
};

const giveTo = async (folder: string, user: OsUser): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chown(folder, user.uid, user.gid);
  await chmod(folder, 0o700);
};

/** A folder that the server's user reaches: under a private folder, such as root's home, another user reaches nothing. */
const dataFolder = async (preferred: string): Promise<string> => {
  const user = await serverUser();
  if (user === undefined) return preferred;
  await giveTo(preferred, user);
  if (await mayUse(preferred, user)) return preferred;
  await rm(preferred, { recursive: true, force: true });
  const elsewhere = join(tmpdir(), `millrace-postgres-${digest(preferred)}`);
  await giveTo(elsewhere, user);
  if (!(await mayUse(elsewhere, user))) throw new Error(`The user of PostgreSQL can use neither ${preferred} nor ${elsewhere}`);
  return elsewhere;
};

const initialiseCluster = async (context: ServiceContext, cluster: string, user: OsUser | undefined): Promise<void> => {
  const initdb = siblingOf(await toolPath('postgres'), 'initdb');
  const passwordFile = join(context.dataDir, 'password');
  const unfinished = `${cluster}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await writeFile(passwordFile, context.secrets.postgresAdmin, { mode: 0o600 });
  if (user !== undefined) await chown(passwordFile, user.uid, user.gid);
  const args = ['-D', unfinished, '-U', ADMIN, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--locale=C', '--no-sync'];
  try {
    await runCommand(initdb, args, { folder: context.dataDir, signal: context.signal, ...(user === undefined ? {} : { user }) });
    // The rename is done by the user who owns the folder, in one step, so that a half-made cluster is never used.
    await runCommand('mv', [unfinished, cluster], { folder: context.dataDir, ...(user === undefined ? {} : { user }) });
  } finally {
    await rm(passwordFile, { force: true });
  }
};

const adminClient = (context: ServiceContext): pg.Client =>
  new pg.Client({
    host: '127.0.0.1',
    port: context.port('postgres', 'client'),
    user: ADMIN,
    password: context.secrets.postgresAdmin,
    database: 'postgres',
    connectionTimeoutMillis: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS,
  });

const withAdmin = async <T>(context: ServiceContext, task: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = adminClient(context);
  client.on('error', () => {});
  await client.connect();
  try {
    return await task(client);
  } finally {
    await client.end();
  }
};

/** The pipeline's role may replicate and owns its database, and is no superuser. */
const createPipelineRole = (context: ServiceContext): Promise<void> =>
  withAdmin(context, async (client) => {
    const role = client.escapeIdentifier(PIPELINE_ROLE);
    const known = await client.query('select 1 from pg_roles where rolname = $1', [PIPELINE_ROLE]);
    if (known.rowCount === 0) await client.query(`create role ${role} login`);
    await client.query(`alter role ${role} with login replication createdb password ${client.escapeLiteral(context.secrets.postgresPipeline)}`);
    const database = await client.query('select 1 from pg_database where datname = $1', [PIPELINE_DATABASE]);
    if (database.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(PIPELINE_DATABASE)} owner ${role}`);
  });

export const postgres: Service = {
  name: 'postgres',
  ports: { client: 5432 },
  after: [],
  readyTimeoutMs: 60_000,
  // The one that ends the clients' sessions instead of waiting for them.
  stopSignal: 'SIGINT',

  async install() {
    await toolPath('postgres');
  },

  dataFolder,

  async launch(context) {
    const user = await serverUser();
    const cluster = join(context.dataDir, 'cluster');
    if (!existsSync(join(cluster, 'PG_VERSION'))) await initialiseCluster(context, cluster, user);
    const settings = {
      listen_addresses: '127.0.0.1',
      port: context.port('postgres', 'client'),
      unix_socket_directories: '',
      ...SERVER_SETTINGS,
    };
    return {
      file: siblingOf(await toolPath('postgres'), 'postgres'),
      args: ['-D', cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      environment: {},
      folder: context.dataDir,
      ...(user === undefined ? {} : { user }),
    };
  },

  probe: (context) => withAdmin(context, async (client) => void (await client.query('select 1'))),

  initialise: createPipelineRole,
};
