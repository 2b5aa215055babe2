/** A real Prometheus for tests: the one that is installed, else Debian's package unpacked into the cache, where it runs as no service. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { cacheFolder, installed } from '../../lib/stack/cache.ts';
import { runCommand } from '../../lib/stack/command.ts';
import { onPath } from '../../lib/stack/requirements.mjs';

export const PROMETHEUS_FOLDER = join(import.meta.dirname, '..', '..', 'deploy', 'prometheus');
export const GRAFANA_FOLDER = join(import.meta.dirname, '..', '..', 'deploy', 'grafana');

const INSTALL_TIMEOUT_MS = 90_000;

export interface PrometheusTools {
  readonly prometheus: string;
  readonly promtool: string;
}

const unpack = async (folder: string, signal: AbortSignal): Promise<void> => {
  const download = (): Promise<string> => runCommand('apt-get', ['download', 'prometheus'], { folder, signal });
  await download().catch(async () => {
    // The lists may be missing or old.
    await runCommand('apt-get', ['update'], { signal });
    await download();
  });
  const name = await runCommand('sh', ['-c', 'ls prometheus_*.deb'], { folder, signal });
  await runCommand('dpkg-deb', ['-x', name.trim(), '.'], { folder, signal });
  await runCommand('rm', [name.trim()], { folder, signal });
};

/** Where the programs are, or why there are none. */
export const findPrometheus = async (): Promise<PrometheusTools | string> => {
  const [prometheus, promtool] = [onPath('prometheus'), onPath('promtool')];
  if (prometheus !== undefined && promtool !== undefined) return { prometheus, promtool };
  if (onPath('apt-get') === undefined || onPath('dpkg-deb') === undefined) return 'prometheus and promtool are not installed, and there is no apt-get to fetch them with';
  try {
    const signal = AbortSignal.timeout(INSTALL_TIMEOUT_MS);
    const folder = await installed({ cache: cacheFolder(), signal, progress: () => {} }, 'prometheus-debian', (where) => unpack(where, signal));
    return { prometheus: join(folder, 'usr', 'bin', 'prometheus'), promtool: join(folder, 'usr', 'bin', 'promtool') };
  } catch (error) {
    return `prometheus is not installed and could not be fetched: ${error instanceof Error ? error.message : String(error)}`;
  }
};

export interface Expression {
  /** The alert, or the panel's title. */
  readonly of: string;
  readonly expr: string;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const alertRules = async (): Promise<readonly Rule[]> => {
  const { groups } = parse(await readFile(join(PROMETHEUS_FOLDER, 'alerts.yml'), 'utf8')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
};

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: { readonly uid: string } }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly id?: unknown;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[] };
}

export const dashboard = async (): Promise<Dashboard> => JSON.parse(await readFile(join(GRAFANA_FOLDER, 'dashboards', 'millrace.json'), 'utf8')) as Dashboard;

/** As Grafana sends them when every choice is "All". */
export const dashboardExpressions = async (): Promise<readonly Expression[]> =>
  (await dashboard()).panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ of: title, expr: expr.replaceAll('$__rate_interval', '20s').replaceAll(/\$(job|stage)\b/g, '.+') })));

export const alertExpressions = async (): Promise<readonly Expression[]> => (await alertRules()).map(({ alert, expr }) => ({ of: alert, expr }));

/** Every metric an expression names: ours, the process's, and Prometheus's own `up`. */
export const metricsIn = (expr: string): string[] => [...expr.matchAll(/\b(?:(?:millrace|nodejs|process)_[a-z0-9_]+|up\b)/g)].map(([name]) => name);
