import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Generated once for each stack, kept in a file that only its owner may read, never printed. */
export interface Secrets {
  /** Of the database's administrator; used to set the database up. */
  readonly postgresAdmin: string;
  /** Of the pipeline's own role. */
  readonly postgresPipeline: string;
}

const FILE = 'secrets.json';

export const readSecrets = async (dir: string): Promise<Secrets> => JSON.parse(await readFile(join(dir, FILE), 'utf8')) as Secrets;

export const ensureSecrets = async (dir: string): Promise<Secrets> => {
  await mkdir(dir, { recursive: true });
  const generate = (): string => randomBytes(24).toString('base64url');
  const secrets: Secrets = { postgresAdmin: generate(), postgresPipeline: generate() };
  try {
    await writeFile(join(dir, FILE), `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    return secrets;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readSecrets(dir);
  }
};
