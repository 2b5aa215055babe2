/** The engagement example through the command line, on the stack that the test runner brought up. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { BackfillSummary } from '../../lib/backfill/index.ts';
import { status } from '../../lib/stack/index.ts';
import { LostTotals } from './support/lost.ts';
import { stack } from './support/stack.ts';
import { compareNow, differingSinks, TamperedSinks } from './support/tamper.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'lib', 'cli', 'main.ts');
const EVENTS = 3_000;
const SINKS = ['BigQuery', 'Redis counters', 'Redis recent', 'Redis top list', 'Redis totals', 'dead letters', 'partner', 'topic engagement.enriched'];

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Start {
  readonly #child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stderr = '';
  #stdout = '';

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, [MAIN, 'start', '--dir', stack.dir, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout!.on('data', (text: Buffer) => { this.#stdout += String(text); });
    this.#child.stderr!.on('data', (text: Buffer) => { this.#stderr += String(text); });
    this.ended = once(this.#child, 'close').then(([code]) => ({ code: code as number | null, stdout: this.#stdout, stderr: this.#stderr }));
  }

  async said(text: string): Promise<void> {
    for await (const line of createInterface({ input: this.#child.stderr! })) if (line.includes(text)) return;
    throw new Error(`never said '${text}': ${this.#stderr}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

const runningServices = async (): Promise<string[]> => (await status({ dir: stack.dir })).filter(({ running }) => running).map(({ name }) => name).sort();

describe('the engagement example', () => {
  it('brings every event to every sink, which SQL confirms, and stops what it started', async () => {
    const before = await runningServices();
    const { code, stdout, stderr } = await new Start('--events', String(EVENTS)).ended;
    expect(code, `${stdout}${stderr}`).to.equal(0);
    expect(stdout).to.match(/BigQuery +rows +(\d+) +\1 +equal/).and.to.match(/All \d+ checks agree/).and.not.to.include('DIFFERENT');
    expect(await runningServices()).to.deep.equal(before);
  }).timeout(180_000);

  const leftOut: readonly (readonly [systems: string, seed: string, sinks: readonly string[]])[] = [
    ['bigquery,partner', '3', ['BigQuery', 'partner']],
    ['redis', '5', SINKS.filter((sink) => sink.startsWith('Redis'))],
  ];
  for (const [systems, seed, absent] of leftOut) {
    it(`runs without ${systems}, compares the rest, and tells it to programs`, async () => {
      const { code, stdout, stderr } = await new Start('--events', '1500', '--seed', seed, '--without', systems, '--json').ended;
      expect(code, `${stdout}${stderr}`).to.equal(0);
      const result = JSON.parse(stdout) as { readonly agrees: boolean; readonly without: readonly string[]; readonly checks: readonly { readonly sink: string }[] };
      expect(result).to.deep.include({ agrees: true, without: systems.split(',') });
      expect([...new Set(result.checks.map(({ sink }) => sink))]).to.have.members(SINKS.filter((sink) => !absent.includes(sink)));
    }).timeout(120_000);
  }

  // The next ones compare everything, also what passed while sinks were left out.
  it('goes on exactly after a stop in the middle of load and edits', async () => {
    const live = new Start('--rate', '300');
    await live.said('First result in Redis');
    live.signal('SIGINT');
    const stoppedAtMs = performance.now();
    const { code, stderr } = await live.ended;
    expect(code, stderr).to.equal(0);
    expect(performance.now() - stoppedAtMs).to.be.lessThan(15_000);
    const bounded = await new Start('--events', String(EVENTS), '--seed', '2', '--workers', '1').ended;
    expect(bounded.code, `${bounded.stdout}${bounded.stderr}`).to.equal(0);
  }).timeout(240_000);

  it('does not agree when a record of any sink is altered, dropped or repeated', async () => {
    const sinks = await TamperedSinks.open(stack);
    try {
      const clean = await compareNow(sinks.environment);
      expect(clean.code, clean.stdout).to.equal(0);
      for (const how of ['altered', 'dropped', 'repeated'] as const) {
        await sinks.tamper(how);
        const found = await compareNow(sinks.environment);
        expect(found.code, how).to.equal(1);
        expect(differingSinks(found.stdout), how).to.deep.equal(SINKS);
        await sinks.restore();
      }
    } finally {
      await sinks.close();
    }
  }).timeout(120_000);

  it('gets back from its history what Redis has lost, and the partner takes nothing twice', async () => {
    const [lost, sinks] = [new LostTotals(stack), await TamperedSinks.open(stack)];
    const command = (...args: string[]) => promisify(execFile)(process.execPath, [MAIN, ...args], { cwd: ROOT, env: { ...process.env, ...sinks.environment, PARTNER_URL: sinks.environment.MILLRACE_PARTNER_URL, MILLRACE_LOG_LEVEL: 'error' } });
    try {
      const expected = await lost.expected();
      await lost.lose();
      const { stdout } = await command('backfill', 'examples/engagement/topology.ts', '--from', 'earliest', '--only', 'totals,top,partner', '--name', 'lost', '--json');
      const end = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as BackfillSummary;
      expect(end.end).to.equal('done');
      expect(end.deadLetters).to.include.members(['engagement-backfill-lost-app.public.engagement_events-dlq', 'engagement-backfill-lost-partner-dlq']);
      expect(await lost.totals()).to.deep.equal(expected);
      expect(await lost.top()).to.deep.equal(new Map([...expected].map(([content, { engagement_ms: ms }]) => [content, ms!])));
      await lost.restore();
      const after = await compareNow(sinks.environment);
      expect(after.code, after.stdout).to.equal(0);
      await command('reset', '--app', 'engagement-backfill-lost', '--with', 'dead-letters,doubtful', '--yes');
    } finally {
      await sinks.close();
      await lost.close();
    }
  }).timeout(90_000);
});
