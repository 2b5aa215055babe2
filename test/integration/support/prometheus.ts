/** A Prometheus process of the test's own, with the configuration and the rules of deploy/prometheus. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../server/support.ts';
import { PROMETHEUS_FOLDER, type PrometheusTools } from '../../deploy/prometheus.ts';
import { eventually } from './lab.ts';

const STOP_TIMEOUT_MS = 5_000;

export interface Answer {
  readonly status: 'success' | 'error';
  readonly error?: string;
  readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: readonly [number, string] }[] };
}

export interface RuleState {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly evaluationTime: number;
}

export class Prometheus {
  readonly #url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #promtool: string;

  private constructor(url: string, folder: string, child: ChildProcess, promtool: string) {
    this.#url = url;
    this.#folder = folder;
    this.#child = child;
    this.#promtool = promtool;
  }

  static async start({ prometheus, promtool }: PrometheusTools, targets: readonly string[]): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-prometheus-'));
    const config = join(folder, 'config');
    await cp(PROMETHEUS_FOLDER, config, { recursive: true });
    await mkdir(join(config, 'targets'), { recursive: true });
    await writeFile(join(config, 'targets', 'test.yml'), JSON.stringify([{ targets }]));
    // As it is, only quicker: a rate needs two scrapes.
    const text = await readFile(join(config, 'prometheus.yml'), 'utf8');
    await writeFile(join(config, 'prometheus.yml'), text.replace('scrape_interval: 5s', 'scrape_interval: 1s').replace('scrape_timeout: 4s', 'scrape_timeout: 1s').replace('evaluation_interval: 5s', 'evaluation_interval: 1s'));
    const listen = `127.0.0.1:${await freePort()}`;
    const args = [`--config.file=${join(config, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${listen}`, '--log.level=error'];
    const made = new Prometheus(`http://${listen}`, folder, spawn(prometheus, args, { stdio: 'ignore' }), promtool);
    await eventually(() => fetch(`http://${listen}/-/ready`).then(({ ok }) => ok, () => false), () => 'Prometheus is ready');
    return made;
  }

  async #get<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.#url}/api/v1/${path}`)).json()) as T;
  }

  query(expr: string): Promise<Answer> {
    return this.#get(`query?query=${encodeURIComponent(expr)}`);
  }

  /** Waits until so many targets have been scraped, twice. */
  async scraped(targets: number): Promise<void> {
    await eventually(async () => (await this.query('count_over_time(millrace_build_info[1m]) >= 2')).data.result.length === targets, () => `scrapes of ${targets} targets`);
  }

  async metricNames(): Promise<readonly string[]> {
    return (await this.#get<{ data: readonly string[] }>('label/__name__/values')).data;
  }

  async rules(): Promise<readonly RuleState[]> {
    return (await this.#get<{ data: { groups: readonly { rules: readonly RuleState[] }[] } }>('rules')).data.groups.flatMap(({ rules }) => rules);
  }

  /** What `promtool check metrics` complains of. */
  async lint(text: string): Promise<string> {
    const child = spawn(this.#promtool, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += String(data)));
    child.stdin.end(text);
    await once(child, 'close');
    return said;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited.finally(() => clearTimeout(late));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
