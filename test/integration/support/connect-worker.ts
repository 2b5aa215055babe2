/**
 * A worker of Kafka Connect of a test's own, on the test runner's Kafka: one that may be killed. It stands alone and is not exactly once, so that it repeats what it had not noted down as
 * sent. It forgets its connectors when it ends.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { artifactFile, connectPlugins, kafkaJars } from '../../../lib/stack/artifacts.ts';
import { cacheFolder } from '../../../lib/stack/index.ts';
import { connectProperties } from '../../../lib/stack/services/connect.ts';
import { toolPath } from '../../../lib/stack/tools.ts';
import { eventually } from './lab.ts';
import { stack } from './stack.ts';

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
};

export class ConnectWorker {
  readonly url: string;
  readonly #dir: string;
  readonly #command: readonly [file: string, args: readonly string[]];
  #child: ChildProcess | null = null;

  private constructor(url: string, dir: string, command: readonly [file: string, args: readonly string[]]) {
    this.url = url;
    this.#dir = dir;
    this.#command = command;
  }

  static async make(settings: Readonly<Record<string, string>>): Promise<ConnectWorker> {
    const context = { cache: cacheFolder(process.env), signal: new AbortController().signal, progress: () => undefined };
    const rest = await freePort();
    const kafka = Number(stack.endpoints.brokers[0]!.split(':').at(-1));
    const given = connectProperties({ port: (service) => (service === 'kafka' ? kafka : rest) }, await connectPlugins(context));
    const kept = given.split('\n').filter((line) => /^(bootstrap|listeners|rest|plugin|key|value|config\.providers)\b/.test(line));
    const dir = await mkdtemp(join(tmpdir(), 'millrace-connect-'));
    const file = join(dir, 'connect.properties');
    const own = Object.entries({ ...settings, 'offset.storage.file.filename': join(dir, 'offsets') }).map(([key, value]) => `${key}=${value}`);
    await writeFile(file, [...kept, ...own, ''].join('\n'));
    const args = ['-Xms128m', '-Xmx384m', `-Dlog4j2.configurationFile=${artifactFile('log4j2.xml')}`, '-cp', join(await kafkaJars(context), '*'), 'org.apache.kafka.connect.cli.ConnectStandalone', file];
    return new ConnectWorker(`http://127.0.0.1:${rest}`, dir, [await toolPath('java'), args]);
  }

  async start(): Promise<void> {
    const [file, args] = this.#command;
    const child = spawn(file, args, { env: { ...process.env, ...stack.environment }, stdio: 'ignore' });
    this.#child = child;
    const serves = async (): Promise<boolean> => {
      if (child.exitCode !== null) throw new Error(`Connect ended with code ${child.exitCode}`);
      return fetch(`${this.url}/connectors`).then((response) => response.ok, () => false);
    };
    await eventually(serves, () => 'Connect serves', 60_000);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
